//go:build tools

// Package tools pins the programs that Libretto builds from this module when it finds none.
package tools

import (
	_ "github.com/coredns/coredns"
)
