# javamongo.sh - mongo-java-server from Maven Central: the MongoDB wire, atomic and with indexes, but
# its disk is not synchronous: `kill` may lose what was written last.
# Port: 10. Data: data/db.
# shellcheck shell=bash

javamongo_key()
{
	key "$(cat "$HERE"/javamongo/*)"
}

javamongo_needs()
{
	need java=default-jre-headless
}

javamongo_build_needs()
{
	need javac=default-jdk-headless mvn=maven
}

javamongo_build()
{
	jars "$1" javamongo
	javac -cp "$1/lib/*" -d "$1/classes" "$HERE/javamongo/Main.java"
}

javamongo_start()
{
	# A connection's commands are done on its event loop's thread: with the four that it has on two cpus,
	# somebody's long command holds up whoever shares the thread.
	launch java -Xmx512m -XX:+UseSerialGC -Dio.netty.eventLoopThreads=32 -cp "$BUILT/lib/*:$BUILT/classes" Main \
		"$STATE/javamongo/data/db" "$(port 10)"
}

javamongo_ready()
{
	mongo_answers "$(port 10)"
}

javamongo_version()
{
	basename "$(echo "$BUILT"/lib/mongo-java-server-core-*.jar)" .jar | sed 's/.*-//'
}

javamongo_address()
{
	echo "mongodb://127.0.0.1:$(port 10)/"
}

javamongo_env()
{
	echo "export SKALDS_TEST_MONGO2=$(javamongo_address)"
}
