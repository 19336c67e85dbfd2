//go:build tools

// Package main: this file only makes FerretDB part of the module, so that go.sum pins it.
package main

import _ "github.com/FerretDB/FerretDB/cmd/ferretdb"
