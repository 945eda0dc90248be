//go:build !windows

package probe

import (
	"net"

	"github.com/miekg/dns"
)

// systemResolvers reads what the system's resolver is told to ask. macOS keeps
// that file for programs that read it.
func systemResolvers() []string {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	var servers []string
	for _, s := range config.Servers {
		servers = append(servers, net.JoinHostPort(s, config.Port))
	}
	return servers
}

// systemSearch gives the names that the system's resolver tries for a name, in order.
func systemSearch(name string) []string {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return []string{name}
	}
	return config.NameList(name)
}
