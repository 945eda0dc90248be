sleep 20
exec /usr/sbin/sendmail -C /srv/etc/delivery/app -G -i -f "$1" -- "$2"
