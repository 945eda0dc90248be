package probe

import "context"

// TLSEvidence is what the handshake showed.
type TLSEvidence struct {
	Version                Maybe        `json:"version"` // "1.3"
	Cipher                 Maybe        `json:"cipher"`
	Group                  Maybe        `json:"group"`
	ServerName             Maybe        `json:"server_name"` // SNI sent
	OCSPStapled            *bool        `json:"ocsp_stapled"`
	ClientCertificateAsked *bool        `json:"client_certificate_asked"`
	Alert                  Maybe        `json:"alert"`
	VersionsAccepted       List[string] `json:"versions_accepted"` // asked by second connections after a failure

	plainGreeting string // what was answered in plain text
	weakCipher    bool   // a second connection with weak ciphers worked
}

func (*TLSEvidence) isEvidence() {}

func tlsStep(ctx context.Context, l *lane) (Evidence, error) { return &TLSEvidence{}, nil }
