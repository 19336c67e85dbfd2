// Proxy LISTEN SERVER [TLS-LISTEN CERTIFICATE KEY CA] - lets one message of MongoDB's wire protocol at a
// time through to SERVER, over all connections: the next request goes when the reply to the one before
// is here. FerretDB evaluates the filter of an update before it writes, in a step of its own; alone, each
// update is atomic. Exits when it cannot listen.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"sync"
)

const (
	opMsg      = 2013
	moreToCome = 1 << 1   // flag of OP_MSG: no reply to this, or more replies after this one
	maxMessage = 64 << 20 // bytes; the protocol allows 48,000,000
)

var turn sync.Mutex

func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head)
	if n < 16 || n > maxMessage {
		return nil, errors.New("this is no message of MongoDB")
	}
	message := make([]byte, n)
	copy(message, head)
	_, err := io.ReadFull(r, message[4:])
	return message, err
}

func more(message []byte) bool {
	return len(message) >= 20 && binary.LittleEndian.Uint32(message[12:]) == opMsg &&
		binary.LittleEndian.Uint32(message[16:])&moreToCome != 0
}

// exchange holds the turn until the server has answered, even to a client that is gone by then.
func exchange(server net.Conn, request []byte) (replies [][]byte, err error) {
	turn.Lock()
	defer turn.Unlock()
	if _, err = server.Write(request); err != nil || more(request) {
		return nil, err
	}
	for {
		reply, err := readMessage(server)
		if err != nil {
			return replies, err
		}
		replies = append(replies, reply)
		if !more(reply) {
			return replies, nil
		}
	}
}

func serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		replies, err := exchange(server, request)
		for _, reply := range replies {
			if _, err := client.Write(reply); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func accept(listener net.Listener, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client, address)
	}
}

func tlsConfig(certificate, key, ca string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool,
		ClientAuth: tls.VerifyClientCertIfGiven}
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 7 {
		log.Fatal("usage: proxy LISTEN SERVER [TLS-LISTEN CERTIFICATE KEY CA]")
	}
	if len(os.Args) == 7 {
		l, err := tls.Listen("tcp", os.Args[3], tlsConfig(os.Args[4], os.Args[5], os.Args[6]))
		if err != nil {
			log.Fatal(err)
		}
		go accept(l, os.Args[2])
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	accept(l, os.Args[2])
}
