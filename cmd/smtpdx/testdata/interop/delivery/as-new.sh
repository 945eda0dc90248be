# Forwards as a new message of the mailbox: the original sender is in the body only.
set -e
message=$(mktemp /srv/run/as-new.XXXXXX)
trap 'rm -f "$message"' EXIT
formail -c >"$message"
field() { formail -c -x "$1" <"$message" | sed 's/^ *//'; }
{
  echo 'From: Jobs <as-new@company.example>'
  echo 'To: in@app.example'
  echo "Subject: Fwd: $(field Subject:)"
  echo
  echo '---------- Forwarded message ---------'
  for name in From Date Subject To; do
    echo "$name: $(field "$name:")"
  done
  echo
  formail -I '' <"$message"
} | /usr/sbin/sendmail -i -f as-new@company.example -- in@app.example
