import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Main FILE PORT: mongo-java-server on 127.0.0.1, with its data in one file of H2. */
public final class Main {
	/** The newest wire version that it has of its own, 7, is refused by today's drivers. */
	private static final class Version implements MongoVersion {
		@Override
		public List<Integer> getVersionArray() {
			return List.of(4, 2, 0);
		}

		@Override
		public int getWireVersion() {
			return 8;
		}
	}

	public static void main(String[] args) {
		H2Backend backend = new H2Backend(args[0]);
		backend.version(new Version());
		MongoServer server = new MongoServer(backend);
		server.bind("127.0.0.1", Integer.parseInt(args[1]));
		Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
	}
}
