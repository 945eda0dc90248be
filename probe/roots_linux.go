package probe

import "os"

// rootBundles are the files in which distributions keep trusted roots, in the
// order of crypto/x509, of which the first that can be read counts.
var rootBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo, Arch
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
	"/etc/ssl/cert.pem",                                 // Alpine
}

// systemBundle gives this computer's roots as PEM, nil where there are none.
func systemBundle() []byte {
	for _, name := range rootBundles {
		if data, err := os.ReadFile(name); err == nil {
			return data
		}
	}
	return nil
}
