#!/bin/sh
# Makes the certificates of the egress tests: an authority that nobody trusts by default, what it signed, and one
# certificate that signed itself. The keys protect nothing. Run it in this folder; needs the openssl command.
set -eu
days=36500
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1-key.pem"; }

key authority
openssl req -x509 -new -key authority-key.pem -days $days -subj '/CN=Egress test authority' -out authority.pem

# sign NAME COMMON_NAME EXTENSIONS SERIAL DAYS
sign() {
  key "$1"
  openssl req -new -key "$1-key.pem" -subj "/CN=$2" -out request.pem
  printf '%s\n' "$3" > extensions.txt
  openssl x509 -req -in request.pem -CA authority.pem -CAkey authority-key.pem -set_serial "$4" -days "$5" \
    -extfile extensions.txt -out "$1.pem"
}

sign server db.example.test 'subjectAltName=DNS:db.example.test,DNS:localhost,IP:127.0.0.1' 1 $days
sign client egress-test-client 'extendedKeyUsage=clientAuth' 2 $days
# x509 -days cannot reach into the past, so the expired one comes from the ca command.
key expired
openssl req -new -key expired-key.pem -subj '/CN=db.example.test' -out request.pem
printf 'subjectAltName=DNS:db.example.test\n' > extensions.txt
: > index.txt
echo 03 > serial.txt
openssl ca -batch -notext -md sha256 -cert authority.pem -keyfile authority-key.pem -in request.pem -out expired.pem \
  -startdate 20200101000000Z -enddate 20200102000000Z -extfile extensions.txt -outdir . \
  -config /dev/stdin <<'CONFIG'
[ca]
default_ca = here
[here]
database = index.txt
serial = serial.txt
policy = any
[any]
commonName = supplied
CONFIG

key self-signed
openssl req -x509 -new -key self-signed-key.pem -days $days -subj '/CN=db.example.test' \
  -addext 'subjectAltName=DNS:db.example.test' -out self-signed.pem
openssl pkcs12 -export -inkey client-key.pem -in client.pem -passout pass:egress-test -out client.p12

rm -f request.pem extensions.txt index.txt* serial.txt* 03.pem authority-key.pem
