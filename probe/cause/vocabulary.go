package cause

// Steps lists the step ids of the contract, in the plan's order.
func Steps() []string {
	return []string{"settings", "dns", "tcp", "greeting", "ehlo", "starttls", "tls", "certificate", "ehlo-tls",
		"auth", "sender", "message", "delivery", "redirect"}
}

// Faults lists the fault kinds of the engine, in its order.
func Faults() []string {
	return []string{"no-such-host", "no-data", "servfail", "no-resolver", "malformed-name", "refused", "unreachable", "timeout", "reset",
		"closed", "proxy", "not-smtp", "bad-reply", "too-much", "early-bytes", "rejected", "deferred", "not-offered", "tls-record", "tls-alert",
		"tls-version", "tls-cipher", "certificate", "local-policy", "mechanism", "imap", "not-arrived", "sender-lost"}
}

// placeholders lists the words that the facts themselves fill.
func placeholders() []string {
	return []string{"host", "port", "server", "encryption", "account", "account_domain", "account_local", "from", "from_domain",
		"to", "to_domain", "code", "enhanced", "reply", "text", "mechanism", "software", "server_name", "greeting", "check", "check_plain", "other_encryption", "fitting_name"}
}

// values lists the words that come in Facts.Values, by their step.
func values() []string {
	return []string{
		"key", "hint", "given", "used", "file", "line", "published", // settings
		"provider", "wanted", "app_password_path", "enable", "enable_path", "ends", "ends_text", "ends_link", // settings, of a known provider
		"addresses", "private", "cname", "mx", "resolver", "rcode", "failed_family", // dns
		"address", "seconds", "proxy", "local_address", // tcp and the rest
		"service", "helo", "mechanisms", // greeting and ehlo
		"versions", "alert", "tls_version", // tls
		"issuer", "subject", "names", "days", "not_after", "not_before", "checked", "tls_server_name", // certificate
		"forced", "oauth_status", "oauth_scope", "token_problem", "token_why", "token_fix", // auth
		"size", "limit", // message
		"imap_server", "imap_account", "imap_text", "folder", "after", "slowest", "copies", "bounce", // delivery
		"bad_addresses", "good_addresses", // addresses that differ
		"original_sender", "came_from", "via", "mailbox", "sender_field", "way_reason", "diagnostic", "bounced_recipient", "copies", "advice", // redirect
	}
}

// Placeholders lists every word that may stand in braces in a text, beside the
// named groups of an entry's own patterns.
func Placeholders() []string { return append(placeholders(), values()...) }
