//go:build tools

// Package tools pins the programs that Libretto builds from this module when it finds none.
package tools

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
)
