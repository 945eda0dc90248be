package explain

import "regexp"

// clientError is a client's own words for a fault that it met.
type clientError struct {
	fault string
	steps []string
	words func() *regexp.Regexp
}

func words(expr string) func() *regexp.Regexp { return compiled(`(?i)` + expr) }

// clientErrors goes from the special to the general: the first that fits says
// the fault. They name the mechanics only; what it means is for the rules.
var clientErrors = []clientError{
	{"malformed-name", []string{"dns"}, words(`err_invalid_url|invalid url:|getaddrinfo.{0,40}(invalid|illegal)|label (empty or )?too long|invalid ?host ?name|idna`)},
	{"no-resolver", []string{"dns"}, words(`eai_again|temporary failure in name resolution|resolv\.conf|econnrefused.{0,30}:53\b|host lookup did not complete|name ?server.{0,30}(timed out|unreachable)|querya etimeout`)},
	{"servfail", []string{"dns"}, words(`server misbehaving|servfail|wsatry_again|\b11002\b|non-recoverable failure in name resolution`)},
	{"no-such-host", []string{"dns"}, words(`enotfound|no such host|name or service not known|nodename nor servname|unknownhost|unknown host|getaddrinfo(info)? failed|nxdomain|host (name )?(could )?not (be )?(found|resolved)|could ?n.t resolve (host|server|name)|name does not resolve|\b11001\b|\b11004\b|no address associated|remote name could not be resolved|der remotename konnte nicht aufgel|host ist unbekannt|host unbekannt|hostname.{0,20}nicht (gefunden|aufgel)|edns\b|php_network_getaddresses|unable to resolve|enodata`)},
	{"not-offered", []string{"starttls"}, words(`starttls[^\n]{0,30}(not (supported|offered|available|found|advertised)|nicht unterst)|(does(n.t| not)|did(n.t| not)) (support|offer|advertise)[^\n]{0,20}starttls`)},
	{"tls-version", []string{"tls"}, words(`unsupported protocol|protocol version|no protocols available|tlsv1 alert protocol|version too low|protocol_version|do not possess a common algorithm|no appropriate protocol|keine gemeinsamen algorithmus|legacy.?version`)},
	{"tls-cipher", []string{"tls"}, words(`no shared cipher|dh key too small|no cipher|handshake.?failure|ee key too small|no common (cipher|signature)|insufficient.security|no ciphers available|ca md too weak|prime.{0,30}(short|small)`)},
	{"certificate", []string{"certificate"}, words(`x509:|certificate (verify|has expired|is not|signed|validation|common name|not yet|chain|problem)|unable to (get|verify).{0,30}(cert|issuer)|self[- ]?signed|cert_|pkix|sslhandshakeexception.{0,80}cert|remote certificate|remotezertifikat|zertifikat|err_tls_cert|altname|untrusted|trustfailure|hostname.{0,40}(does not|doesn.t|not) match|peer certificate|certpath|subjectaltname|subject alternative|no alternative certificate|unknown ca\b|bad certificate`)},
	{"tls-record", []string{"tls"}, words(`wrong version number|first record does not look like a tls|unknown protocol|packet length too long|record overflow|unsupported or unrecognized ssl|plaintext connection|unexpected (tls )?packet|frame size|sec_e_invalid_token|http request|received corrupt|invalidcontenttype|unexpected message type|record layer failure|eproto`)},
	{"tls-alert", []string{"tls"}, words(`\balert\b|sslv3 alert|tlsv1 alert|received fatal alert`)},
	{"refused", []string{"tcp"}, words(`econnrefused|connection ?refused|actively refused|zielcomputer (die verbindung )?verweiger|verbindung verweigert|wsaeconnrefused|\b10061\b|errno 61\b|errno 111\b|connexion refus|conexi.n rechazada|connessione rifiutata|połączenie odrzucone|отказано`)},
	{"unreachable", []string{"tcp"}, words(`ehostunreach|enetunreach|(network|host|net) is unreachable|no route to host|unreachable|\b10065\b|\b10051\b|errno 113\b|errno 101\b|netzwerk ist nicht erreichbar|keine route`)},
	{"timeout", []string{"tcp", "greeting"}, words(`etimedout|esockettimedout|timed ?out|time-?out|execution expired|\b10060\b|errno 110\b|greeting never received|deadline exceeded|zeit(ü|ue)berschreitung|zeitlimit|délai|tiempo de espera|tempo scaduto|did not (properly )?respond|keine antwort|no response from`)},
	{"reset", []string{"tcp", "greeting", "tls", "ehlo", "auth", "sender", "message"}, words(`econnreset|connection reset|reset by peer|forcibly closed|\b10054\b|errno 104\b|errno 54\b|zur(ü|ue)ckgesetzt|broken pipe|epipe`)},
	{"closed", []string{"greeting", "tls", "ehlo", "auth", "sender", "message"}, words(`\beof\b|(connection|socket|stream).{0,20}(closed|lost|hang|hung|ended|aborted)|unexpectedly closed|hang up|closed (the )?connection|server disconnected|\[eof\]|lost connection|(in the middle of the|mitten in der) transa[kc]tion|verbindung.{0,30}(getrennt|geschlossen|beendet)|econnaborted`)},
	{"not-smtp", []string{"greeting"}, words(`invalid greeting|http/1\.[01] \d|\* ok .{0,60}imap|\+ok .{0,40}(pop|ready)|ssh-2\.0`)},
	{"proxy", []string{"tcp"}, words(`socks|proxy (connect|error|refused)|http code 40[37] from proxy`)},
}

// faultIn names the first fault that a text's words tell, with the steps it can be from.
func faultIn(text string) (fault string, steps []string) {
	for _, e := range clientErrors {
		if e.words().MatchString(text) {
			return e.fault, e.steps
		}
	}
	return "", nil
}
