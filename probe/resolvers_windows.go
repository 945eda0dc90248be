package probe

import (
	"errors"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemResolvers lists the DNS servers of the interfaces that are up. It can
// miss what only Windows knows (name resolution policies of a VPN).
func systemResolvers() []string {
	var servers []string
	for _, a := range adapters() {
		if a.OperStatus != windows.IfOperStatusUp {
			continue
		}
		for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
			ip, ok := netip.AddrFromSlice(s.Address.IP())
			if !ok || isPlaceholder(ip.Unmap()) || ip.IsLinkLocalUnicast() { // the zone is not told
				continue
			}
			server := netip.AddrPortFrom(ip.Unmap(), 53).String()
			if !slices.Contains(servers, server) {
				servers = append(servers, server)
			}
		}
	}
	return servers
}

// isPlaceholder knows the site-local addresses that Windows lists when IPv6 has no server.
func isPlaceholder(ip netip.Addr) bool {
	return netip.MustParsePrefix("fec0:0:0:ffff::/64").Contains(ip)
}

func adapters() []*windows.IpAdapterAddresses {
	size := uint32(15000) // as Microsoft recommends
	for range 3 {
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_INCLUDE_PREFIX, 0, first, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			continue
		}
		if err != nil || size == 0 {
			return nil
		}
		var all []*windows.IpAdapterAddresses
		for a := first; a != nil; a = a.Next {
			all = append(all, a)
		}
		return all
	}
	return nil
}

// systemSearch: the search list of Windows is spread over the registry; a name
// is asked as it stands.
func systemSearch(name string) []string { return []string{name} }
