#!/bin/bash
# Secrets: whatever is asked, they are not shown.
. "$(dirname "$0")/lib.sh"

in_dir "$T/s"
n=0
leaks=

# plant VALUE CANARY: no command prints the canary when VALUE is in any of the places.
plant()
{
	local name=$1 value=$2 canary=$3 args
	n=$((n + 1))
	for args in config "config --json" "config $name" "config $name --json" "config --describe" doctor \
		"doctor --json" "worker list" "worker list --log-level trace" help "bogus" "config --bogus"; do
		# shellcheck disable=SC2086
		sk "$name=$value" $args
		[[ $out$err == *"$canary"* ]] && leaks+="$name=$value: environment, $args"$'\n'
		printf "%s='%s'\n" "$name" "$value" >"$here/.env"
		# shellcheck disable=SC2086
		sk $args
		[[ $out$err == *"$canary"* ]] && leaks+="$name=$value: .env, $args"$'\n'
		rm "$here/.env"
	done
}

plant REDIS_PASSWORD canary-1 canary-1
plant KAFKA_PASSWORD 'can"ary 2\' ary
plant SKALDS_TOKEN canary-3 canary-3
plant MONGO_HOST mongodb://root:canary-4@db:27017/ canary-4
plant MONGO_HOST mongodb://root:can%40ary-5@db:27017/ ary-5
plant MONGO_HOST mongodb://root:p@canary-6@db:27017/ canary-6
plant MONGO_HOST mongodb://root:p/canary-7@db:27017/ canary-7
plant MONGO_HOST 'mongodb://root:p?canary-8@db:27017/' canary-8
plant MONGO_HOST mongodb://root%3Acanary-9%40db:27017/ canary-9
plant MONGO_HOST mongodb://canary-10@db/ canary-10
plant MONGO_HOST 'mongodb://db/?tlsCertificateKeyFilePassword=canary-11&w=1' canary-11
plant MONGO_HOST 'mongodb://db/?authMechanismProperties=AWS_SESSION_TOKEN:canary-12' canary-12
plant MONGO_HOST 'http://root:canary-13@db/' canary-13
plant MONGO_HOST root:canary-14@db canary-14
plant SKALDS_URL https://me:canary-15@host/ canary-15
plant SKALDS_URL 'https://host/?token=canary-16' canary-16
plant SKALDS_URL ftp://me:canary-17@host/ canary-17
plant SKALDS_URL https://canary-18@host/ canary-18
plant REDIS_HOST redis://:canary-19@cache:6379 canary-19
plant KAFKA_HOST user:canary-20@broker canary-20
plant REDIS_PORT redis://:canary-21@cache:6379 canary-21
plant YAML_FILE 'https://me:canary-22@host/all.yml' canary-22
plant REDIS_PASSWORD $'canary-23\x01' canary-23
plant MONGO_HOST $'mongodb://root:canary-24\x01@db/' canary-24
plant REDIS_HOST ':canary-25@/run/redis.sock' canary-25
plant KAFKA_HOST 'a:9092,user:canary-26@b:9092' canary-26
plant KAFKA_KEY_FILE https://me:canary-27@host/key.pem canary-27
plant MONGO_HOST 'mongodb://root:canary-28@a:1,b:2/?tls=true&tlsCertificateKeyFile=/k.pem' canary-28
plant MONGO_HOST 'mongodb://a/?proxyPassword=canary-31' canary-31
plant SKALDS_TOKENS a:read:canary-32-0123456789 canary-32
plant SKALDS_TOKENS a:root:canary-33 canary-33
plant SKALDS_TOKENS_FILE https://me:canary-34@host/tokens canary-34
plant SKALDS_URL https://me:pa/canary-35@host/ canary-35
is "of $n planted secrets none is shown" "$leaks" ""

sk MONGO_HOST=mongodb://root:pw@db:27017/?w=1 config MONGO_HOST
is "what is not secret stays readable" "$out" "mongodb://root:***@db:27017/?w=1"
sk MONGO_HOST=mongodb://h1:27017,h2:27017/?replicaSet=a config MONGO_HOST
is "a URI without a secret stays as it is" "$out" "mongodb://h1:27017,h2:27017/?replicaSet=a"
for name in KAFKA_CA_FILE KAFKA_CERT_FILE KAFKA_KEY_FILE REDIS_CA_FILE REDIS_CERT_FILE REDIS_KEY_FILE; do
	sk "$name=/etc/ssl/$name.pem" config "$name"
	is "$name is a path and shown" "$out" "/etc/ssl/$name.pem"
done
sk REDIS_PASSWORD=x config REDIS_PASSWORD
is "that a secret is set can be seen" "$out" "***"
sk config REDIS_PASSWORD
is "that none is set can be seen too" "$out" ""
printf 'canary-29\0en' >"$here/t"
sk config --token-file t
unlike "a bad token file does not show its content" "$out$err" 'canary'
printf 'REDIS_PASSWORD="canary-30\n' >"$here/.env"
sk worker list
unlike "an error of .env shows no value" "$out$err" 'canary'
finish
