//go:build !linux

package smtptest

import (
	"errors"
	"io"
	"net/netip"
)

// fullPort is Linux's: elsewhere a full queue answers with a reset.
func fullPort(netip.AddrPort) (io.Closer, uint16, error) {
	return nil, 0, errors.New("only Linux can play a port that says nothing")
}
