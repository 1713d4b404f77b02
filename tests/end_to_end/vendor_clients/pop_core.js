// Makes the calls of the rehearsal with @alicloud/pop-core.
//
// Runs with modules of its own, with a server's address as its argument; session.py says what it reads and prints.
"use strict";

const readline = require("readline");
const { RPCClient } = require("@alicloud/pop-core");

async function outcome(address, call) {
  const [accessKeyId, accessKeySecret, securityToken] = call.key;
  const client = new RPCClient({
    endpoint: address,
    apiVersion: call.version,
    accessKeyId,
    accessKeySecret,
    securityToken,
  });
  try {
    return { answer: await client.request(call.action, call.parameters, { method: call.method }) };
  } catch (error) {
    if (!error.entry) throw error;
    return {
      error: {
        type: error.name,
        code: error.code,
        message: error.data.Message,
        status: error.entry.response.statusCode,
        request_id: error.data.RequestId,
        // It knows nothing of the header, but hands it on.
        retry_after: Number(error.entry.response.headers["x-acs-retry-after"]),
        access_denied_detail: error.data.AccessDeniedDetail,
      },
    };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await outcome(process.argv[2], JSON.parse(line))));
  }
})();
