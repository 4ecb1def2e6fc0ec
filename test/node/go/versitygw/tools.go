//go:build tools

// Package tools pins the S3 server that the tests of playbooks/s3bucket run against.
package tools

import (
	_ "github.com/versity/versitygw/cmd/versitygw"
)
