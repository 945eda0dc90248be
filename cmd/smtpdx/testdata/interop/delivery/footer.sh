# A disclaimer below every message, by alterMIME: what was signed before is no
# longer what arrives.
set -e
message=$(mktemp /srv/run/footer.XXXXXX)
trap 'rm -f "$message"' EXIT
cat >"$message"
altermime --input="$message" --disclaimer=/srv/etc/delivery/footer.txt
/usr/sbin/sendmail -C /srv/etc/delivery/company -G -i -f "$1" -- "$2" <"$message"
