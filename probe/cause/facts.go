// Package cause names why a step failed or passed in a questionable way. Its
// rules are data: a table generated from data/*.yaml, matched against Facts.
// For the engine, for explain, and for whoever knows a fault that it does not.
//
// To add a cause, write it into the file of the step where it shows
// (STEP.yaml, or STEP-PART.yaml), with a rule and an example, and run go
// generate ./probe/cause; what is missing or misspelt is refused with file and
// line. Rules for another step stand in that step's file, under "more: ID".
// Type When has the words that rules know. A new word is an Observation here
// and the place in the engine that adds it.
package cause

// Facts is all that a rule may look at: plain data, computed from a report or
// read out of a pasted text. Zero values mean "not known", never "no".
type Facts struct {
	Step     string   // the contract's step id, "" when the text does not show it
	Steps    []string // where a text can be from that does not show its step; none: anywhere
	Failed   bool     // the step failed; otherwise it passed
	Fault    string   // a fault kind of the engine, "" when none
	Code     int      // reply code that decided, 0 when none
	Enhanced string   // "5.7.8"
	Text     string   // reply text and fault text, lines joined by \n, redacted
	Verb     string   // the command that the reply answers: MAIL, RCPT, AUTH, EHLO, STARTTLS, DATA, "" for the greeting

	// Who answers.
	Host       string // as entered
	HostKind   string // name, bare-name, ipv4, ipv6, localhost, malformed (pasted, and no name)
	Provider   string // preset id
	Greeting   string // text of the greeting
	ServerName string // first word of the EHLO reply, else of the greeting
	Software   string // what the greeting says it is: postfix, exim, exchange, ...

	// What was asked for.
	Port        int
	Encryption  string // starttls, ssl, none
	Account     string
	AccountForm string // none, address, bare
	From        string // the sender of this case
	To          string
	Credential  string // none, password, token
	Mechanism   string // of AUTH, in capitals
	UsedBy      string // here, cloud

	Seen   Set               // observations, of this step and of earlier ones
	Values map[string]string // more words to fill into texts: {names}, {days}, {issuer}, ...
}

// Set is a set of observations.
type Set map[Observation]bool

// Add puts observations in.
func (s Set) Add(all ...Observation) {
	for _, o := range all {
		s[o] = true
	}
}

// Observation is one word of the closed vocabulary that rules see under
// "seen" and "unseen". Observations name what was seen, not what it means.
type Observation string

// The observations. An entry here, the place in the engine that adds it and
// the rules that name it are all there is to a new one.
const (
	// settings
	HostCleaned           Observation = "host-cleaned"
	HostInternational     Observation = "host-international" // written in punycode
	PortEncryptionUnusual Observation = "port-encryption-unusual"
	EncryptionAmbiguous   Observation = "encryption-ambiguous" // "tls" was typed
	FromDiffers           Observation = "from-differs"
	FromOtherDomain       Observation = "from-other-domain"
	AccountWithoutDomain  Observation = "account-without-domain"
	PasswordEdgeBlank     Observation = "password-edge-blank"
	PasswordLineEnd       Observation = "password-line-end"
	PasswordInnerBlank    Observation = "password-inner-blank"
	PasswordTypographic   Observation = "password-typographic-quotes"
	PasswordNonASCII      Observation = "password-non-ascii"
	PasswordControl       Observation = "password-control-characters"
	PasswordEmpty         Observation = "password-empty"
	SecretFileExposed     Observation = "secret-file-exposed"
	SecretLiteral         Observation = "secret-literal"
	TokenBeforePassword   Observation = "token-before-password"
	SettingsRefused       Observation = "settings-refused"
	ProviderDiffers       Observation = "differs-from-provider" // the provider publishes other settings
	ListDiffers           Observation = "differs-from-list"     // an unverified list has other settings of the provider

	// settings, of a provider that is known
	AccountFormDiffers      Observation = "account-form-differs"
	AppPasswordWanted       Observation = "app-password-wanted"
	SwitchOnFirst           Observation = "switch-on-first" // SMTP is off there until somebody switches it on
	PasswordLoginEnding     Observation = "password-login-ending"
	PasswordLoginEndingSoon Observation = "password-login-ending-soon" // within 90 days
	PasswordLoginEnded      Observation = "password-login-ended"       // the announced day is over

	// dns
	NameIsMailDomain Observation = "name-is-mail-domain" // has MX, and is no server's name by what was seen
	AddressPrivate   Observation = "address-private"
	AddressLoopback  Observation = "address-loopback"
	FamilyPartial    Observation = "family-partial"
	OwnQueryDiffers  Observation = "own-query-differs" // the system's answer and our own query differ
	ResolverSilent   Observation = "resolver-silent"

	// tcp
	AddressIPv6      Observation = "address-ipv6"
	OtherAddressGood Observation = "other-address-good" // another lane got past this step
	OtherFamilyGood  Observation = "other-family-good"
	OtherAddressBad  Observation = "other-address-bad"
	ThroughProxy     Observation = "through-proxy"
	ProxyWantsLogin  Observation = "proxy-wants-login"
	SideLane         Observation = "side-lane" // this is not the main lane

	// greeting and ehlo
	LooksLikeHTTP    Observation = "looks-like-http"
	LooksLikeIMAP    Observation = "looks-like-imap"
	LooksLikePOP3    Observation = "looks-like-pop3"
	LooksLikeSSH     Observation = "looks-like-ssh"
	LooksLikeFTP     Observation = "looks-like-ftp"
	LooksLikeTLS     Observation = "looks-like-tls"
	LooksLikeSMTP    Observation = "looks-like-smtp"
	LooksLikeNothing Observation = "looks-like-nothing"
	TLSAnswers       Observation = "tls-answers" // a second connection with TLS from the first byte worked
	TLSDoesNotAnswer Observation = "tls-does-not-answer"
	GreetingMasked   Observation = "greeting-masked"   // asterisks in the greeting
	CapabilityMasked Observation = "capability-masked" // words of X among the capabilities
	HELOUsed         Observation = "helo-used"
	HELONameDefault  Observation = "helo-name-default"
	StarttlsOffered  Observation = "starttls-offered"
	StarttlsMissing  Observation = "starttls-missing"
	AuthOffered      Observation = "auth-offered" // on the connection as it is now
	AuthMissing      Observation = "auth-missing" // on the connection as it is now
	AuthOfferedPlain Observation = "auth-offered-before-tls"
	CapabilitiesGone Observation = "capabilities-gone-after-tls"
	ExtraBytes       Observation = "extra-bytes-before-handshake"

	// tls
	PlainGreetingSeen  Observation = "plain-greeting-seen" // an SMTP greeting where TLS was expected
	OldTLSAccepted     Observation = "old-tls-accepted"    // a second connection with TLS 1.0 or 1.1 worked
	WeakCipherAccepted Observation = "weak-cipher-accepted"
	OldTLSUsed         Observation = "old-tls-used" // this connection uses TLS 1.0 or 1.1
	ClientCertAsked    Observation = "client-certificate-asked"
	ClientCertSent     Observation = "client-certificate-sent"

	// certificate
	CertExpired       Observation = "certificate-expired"
	CertExpiresSoon   Observation = "certificate-expires-soon"
	CertNotYetValid   Observation = "certificate-not-yet-valid"
	CertNameMismatch  Observation = "certificate-name-mismatch"
	CertNoNames       Observation = "certificate-without-names"
	CertSelfSigned    Observation = "certificate-self-signed"
	CertUnknownIssuer Observation = "certificate-unknown-issuer"
	CertMissingLink   Observation = "certificate-missing-intermediate"
	CertIntercepted   Observation = "certificate-intercepted"
	CertWeakKey       Observation = "certificate-weak-key"
	CertWeakSignature Observation = "certificate-weak-signature"
	CertTrustedHere   Observation = "certificate-trusted-here-only"
	CertTrustedPublic Observation = "certificate-trusted-public-only" // not by this computer
	CertStoreMissing  Observation = "certificate-store-missing"       // this computer has no roots
	CertNotUsed       Observation = "certificate-not-for-servers"

	// auth
	PlainLine          Observation = "plain-line"
	PlainLineAllowed   Observation = "plain-line-allowed" // and login on it is allowed by the settings
	ChallengeMechanism Observation = "challenge-mechanism"
	PlainOffered       Observation = "plain-offered"      // among the mechanisms, so that --auth PLAIN can decide
	OnlyWindowsLogin   Observation = "only-windows-login" // NTLM and GSSAPI only
	MechanismForced    Observation = "mechanism-forced"
	NoCommonMechanism  Observation = "no-common-mechanism"
	ServerSignatureBad Observation = "server-signature-bad" // SCRAM without or with a wrong v=
	IterationsUnusable Observation = "iterations-unusable"
	ChallengeNotBase64 Observation = "challenge-not-base64"
	OAuthErrorSeen     Observation = "oauth-error-seen"
	TokenUnfit         Observation = "token-unfit"     // by what can be read in it
	AlreadyRefused     Observation = "already-refused" // the same password, earlier in this run
	LoggedIn           Observation = "logged-in"
	NotLoggedIn        Observation = "not-logged-in"

	// sender
	SenderRefused         Observation = "sender-refused"    // by text and enhanced code
	RecipientRefused      Observation = "recipient-refused" // by text and enhanced code
	RefusalUnclear        Observation = "refusal-unclear"
	RecipientDefault      Observation = "recipient-default" // the sender itself, since --to was not given
	FromIsAccount         Observation = "from-is-account"
	AccountSenderAccepted Observation = "account-sender-accepted" // tried on the same connection
	AccountSenderRefused  Observation = "account-sender-refused"
	RefusedForNow         Observation = "refused-for-now"
	NeedsSMTPUTF8         Observation = "needs-smtputf8"
	DecidedAfterMessage   Observation = "decided-after-message" // a kind of server that checks the sender only then

	// redirect
	CameRedirected    Observation = "came-redirected"
	CameAsNew         Observation = "came-as-new-message"
	CameAsAttachment  Observation = "came-as-attachment"
	CameFromRewritten Observation = "came-with-from-rewritten"
	CameLooped        Observation = "came-looped"
	CameTwice         Observation = "came-twice"
	CameBack          Observation = "came-back" // a delivery status came in its place
	SenderInFrom      Observation = "sender-in-from"
	SenderElsewhere   Observation = "sender-in-other-field" // in Reply-To or its like, and not in From
	SenderUnclear     Observation = "sender-unclear"
	SignatureBroken   Observation = "signature-broken-on-the-way"
	AbsenceReply      Observation = "absence-reply"

	// client's own side
	// message
	MessageOverSize   Observation = "message-over-size"  // by the server's SIZE; nothing was sent
	MessageUnanswered Observation = "message-unanswered" // the whole message is out, and no reply came

	// delivery
	IMAPUnreachable     Observation = "imap-unreachable" // no connection, or it was lost
	IMAPNotIMAP         Observation = "imap-not-imap"
	IMAPWrongEncryption Observation = "imap-wrong-encryption"
	IMAPCertificateBad  Observation = "imap-certificate-bad"
	IMAPLoginRefused    Observation = "imap-login-refused"
	IMAPNoMechanism     Observation = "imap-no-mechanism"
	IMAPNoCredential    Observation = "imap-no-credential"
	IMAPRefused         Observation = "imap-refused" // a command after the login
	IMAPFolderMissing   Observation = "imap-folder-missing"
	NothingArrived      Observation = "nothing-arrived"
	BounceArrived       Observation = "bounce-arrived" // a notice of failure about the message
	OthersArrived       Observation = "others-arrived" // other messages came meanwhile
	ArrivedSlowly       Observation = "arrived-slowly" // after more than 15 s
	ArrivedLate         Observation = "arrived-late"   // after more than a minute
	ArrivedInJunk       Observation = "arrived-in-junk"
	ArrivedTwice        Observation = "arrived-twice"
	ArrivedChanged      Observation = "arrived-changed"
	DMARCFailed         Observation = "dmarc-failed" // neither SPF nor DKIM prove the domain of From
	DeleteFailed        Observation = "delete-failed"

	Temporary Observation = "temporary" // a 4xx reply

	// a pasted text
	Pasted            Observation = "pasted" // the facts were read out of a text
	EncryptionUnknown Observation = "encryption-unknown"
	PortUnknown       Observation = "port-unknown"
	HostUnknown       Observation = "host-unknown"
	AccountUnknown    Observation = "account-unknown"
	GenericSentence   Observation = "generic-sentence" // the application's own words, which name no cause
	SecretPasted      Observation = "secret-pasted"    // a password stood in the text
)

// Severity tells whether a finding explains a failure.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Confidence tells how sure a finding is, and means it.
type Confidence string

// The confidences.
const (
	Certain  Confidence = "certain"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// Who has to act.
type Who string

// The people.
const (
	User          Who = "user"           // whoever enters the settings
	ITAdmin       Who = "it-admin"       // the administrator of the mail system
	MailProvider  Who = "mail-provider"  // the provider
	Network       Who = "network"        // whoever runs the firewall
	RecipientSide Who = "recipient-side" // the recipient's administrator
	Application   Who = "application"    // the vendor of the program that uses the settings
)
