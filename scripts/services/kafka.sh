# kafka.sh - Apache Kafka from Maven Central, one KRaft node that is broker and controller.
# Ports: 2 plain, 3 SSL, 4 SASL_PLAINTEXT, 5 SASL_SSL, 6 its controller.
# shellcheck shell=bash

KAFKA_MEMORY=-Xmx384m

kafka_key()
{
	key "$(cat "$HERE/kafka/pom.xml" "$HERE/kafka/SHA256SUMS")"
}

kafka_needs()
{
	need java=default-jre-headless openssl=openssl
}

kafka_build_needs()
{
	need mvn=maven
}

kafka_build()
{
	jars "$1" kafka
}

# The JVM's second compiler costs more at the start than it gives in a test.
kafka_java()
{
	set -- java "$KAFKA_MEMORY" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$BUILT/lib/*" \
		"-Dlog4j.configuration=file:$HERE/kafka/log4j.properties" "$@"
	"${RUN:-command}" "$@"
}

kafka_conf()
{
	local jaas listener password
	password=$(secret kafka)
	for listener in sasl_plaintext sasl_ssl; do
		jaas+="listener.name.$listener.plain.sasl.jaas.config="
		jaas+="org.apache.kafka.common.security.plain.PlainLoginModule required user_skalds=\"$password\";\\n"
		for mechanism in scram-sha-256 scram-sha-512; do
			jaas+="listener.name.$listener.$mechanism.sasl.jaas.config="
			jaas+="org.apache.kafka.common.security.scram.ScramLoginModule required;\\n"
		done
	done
	sed -e "s|@PORT@|$(port 2)|; s|@PORT_SSL@|$(port 3)|; s|@PORT_SASL@|$(port 4)|" \
		-e "s|@PORT_SASL_SSL@|$(port 5)|; s|@PORT_CONTROLLER@|$(port 6)|g" \
		-e "s|@DATA@|$STATE/kafka/data|; s|@TLS@|$STATE/tls|; s|@JAAS@|$jaas|" \
		"$HERE/kafka/server.properties"
}

kafka_start()
{
	local d=$STATE/kafka
	certificates
	( umask 077; kafka_conf >"$d/conf" )
	if [ ! -e "$d/data/meta.properties" ]; then
		# a cluster's id of 22 characters that no tool takes for an option
		kafka_java kafka.tools.StorageTool format -c "$d/conf" \
			-t "$(openssl rand -base64 16 | tr '+/' 'ab' | cut -c 1-22)" \
			--add-scram "SCRAM-SHA-256=[name=skalds,password=$(secret kafka)]" \
			--add-scram "SCRAM-SHA-512=[name=skalds,password=$(secret kafka)]" >>"$d/log" 2>&1 || return 1
	fi
	RUN=launch kafka_java kafka.Kafka "$d/conf"
}

# A Metadata request, version 1, for no topic: the answer must name one broker.
kafka_ready()
{
	local answer
	answer=$(ask "$(port 2)" '\0\0\0\x11\0\x03\0\x01\0\0\0\x07\0\x03ask\0\0\0\0' 12)
	[ "${answer:8}" = 0000000700000001 ]
}

kafka_version()
{
	basename "$(echo "$BUILT"/lib/kafka_2.13-*.jar)" .jar | sed 's/.*-//'
}

kafka_address()
{
	echo "127.0.0.1:$(port 2) ssl:$(port 3) sasl:$(port 4) sasl_ssl:$(port 5)"
}

kafka_env()
{
	cat <<-END
		export KAFKA_HOST=127.0.0.1
		export KAFKA_PORT=$(port 2)
		export KAFKA_SSL_PORT=$(port 3)
		export KAFKA_SASL_PORT=$(port 4)
		export KAFKA_SASL_SSL_PORT=$(port 5)
		export SKALDS_TEST_KAFKA_USER=skalds
		export SKALDS_TEST_KAFKA_PASSWORD=$(secret kafka)
	END
}
