import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.h2.H2Collection;
import de.bwaldvogel.mongo.backend.h2.H2Database;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

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

	/**
	 * It uses an index only where a query names the index's members and no other: a compare-and-set
	 * ({id, phase, attempt}) looks at every document. Here the document is found by its id first, as
	 * every MongoDB does, and the rest of the query is asked of it alone.
	 */
	private static final class Collection extends H2Collection {
		private static final String[] IDS = { "_id", "id" };

		Collection(MongoDatabase database, String name, CollectionOptions options,
				MVMap<Object, Document> data, MVMap<String, Object> meta, CursorRegistry cursors) {
			super(database, name, options, data, meta, cursors);
		}

		private static boolean names(Object value) {
			if (value instanceof Document) {
				Document d = (Document) value;
				return d.size() == 1 && d.containsKey("$in");
			}
			return value instanceof String;
		}

		@Override
		protected QueryResult queryDocuments(Document query, Document order, int skip, int limit,
				int batch, Document projection) {
			for (String id : IDS)
				if (query.size() > 1 && names(query.get(id))) {
					QueryResult found =
							super.queryDocuments(new Document(id, query.get(id)), null, 0, 0, 0, null);
					return matchDocumentsFromStream(found.collectDocuments().stream(), query, order,
							skip, limit, batch, projection);
				}
			return super.queryDocuments(query, order, skip, limit, batch, projection);
		}
	}

	private static final class Database extends H2Database {
		/** Of the one server: the constructor opens collections before there are members. */
		private static MVStore store;

		Database(String name, MVStore all, CursorRegistry cursors) {
			super(name, store = all, cursors);
		}

		@Override
		protected MongoCollection<Object> openOrCreateCollection(String name, CollectionOptions options) {
			String full = getFullCollectionNamespace(name);
			return new Collection(this, name, options, store.openMap("databases." + full),
					store.openMap("meta." + full), cursorRegistry);
		}
	}

	private static final class Backend extends H2Backend {
		Backend(String file) {
			super(file);
		}

		@Override
		protected MongoDatabase openOrCreateDatabase(String name) {
			return new Database(name, getMvStore(), getCursorRegistry());
		}
	}

	public static void main(String[] args) {
		H2Backend backend = new Backend(args[0]);
		backend.version(new Version());
		MongoServer server = new MongoServer(backend);
		server.bind("127.0.0.1", Integer.parseInt(args[1]));
		Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
	}
}
