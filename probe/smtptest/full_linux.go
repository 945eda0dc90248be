package smtptest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// fullPort listens with a queue that is full already: Linux drops every further
// SYN, so that a client hears nothing, as behind a firewall that drops.
func fullPort(at netip.AddrPort) (io.Closer, uint16, error) {
	l, err := listenShort(at)
	if err != nil {
		return nil, 0, fmt.Errorf("listen with a short queue: %w", err)
	}
	bound, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return nil, 0, errors.Join(err, l.Close())
	}
	queue := []io.Closer{l}
	for range 8 {
		conn, err := net.DialTimeout("tcp", bound.String(), 50*time.Millisecond)
		if err != nil {
			break // full
		}
		queue = append(queue, conn)
	}
	return closer(func() error { //nolint:nilerr // a dial that fails is what tells that the queue is full
		for _, c := range queue {
			_ = c.Close()
		}
		return nil
	}), bound.Port(), nil
}

// listenShort is net.Listen with a queue of none, which package net cannot ask for.
func listenShort(at netip.AddrPort) (net.Listener, error) {
	family, address := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	if at.Addr().Is4() {
		family, address = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close() // FileListener works on its own copy
	// The port may be one that was in use a moment ago.
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(fd, address); err != nil {
		return nil, err
	}
	if err := syscall.Listen(fd, 0); err != nil {
		return nil, err
	}
	return net.FileListener(file)
}
