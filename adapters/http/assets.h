/* assets.h - the dashboard's files, which lie in the binary.
 *
 *	/dashboard, /dashboard/…	the page, whatever the rest of the path is: its router reads it
 *	/dashboard/assets/VERSION/FILE	scripts and styles; VERSION is the hash of all of them, so
 *					they may be kept for ever; a file or a version that is not there: 404
 *
 * They are public: no token is needed, and there is no data in them. They are kept compressed and
 * sent so to whoever takes gzip; strong ETags (RFC 9110), one for each of the two forms. The page
 * carries a Content-Security-Policy under which no inline script or style runs.
 */
#ifndef SK_ADAPTERS_HTTP_ASSETS_H
#define SK_ADAPTERS_HTTP_ASSETS_H

#include "core/control/api.h"
#include <stdbool.h>

/* Answers a request for the dashboard, within the call: 200, 304, 404, 405 (another method than
 * GET), or 503 where the binary was built without it. False: the path is not its own, and nothing
 * was answered. */
bool sk_assets_answer(const struct sk_api_request *req);

#endif
