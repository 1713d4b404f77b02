// Makes the calls of the rehearsal with the vendor's present SDKs for Node, one package a product.
//
// Runs with modules of its own, with a server's address as its argument; session.py says what it reads and prints.
"use strict";

const readline = require("readline");
const core = require("@alicloud/openapi-core");
const openapi = require("@alicloud/openapi-client");
const { RuntimeOptions } = require("@alicloud/tea-util");

// The package for dcdn is made for the older of the two cores; resource directories have no package.
const OLDER = { ...openapi, RuntimeOptions, Client: openapi.default };
const NEWER = { ...core.$OpenApiUtil, RuntimeOptions: require("@darabonba/typescript").RuntimeOptions, Client: core.default };
const PRODUCTS = {
  "2018-01-15": { core: OLDER, package: require("@alicloud/dcdn20180115") },
  "2018-05-10": { core: NEWER, package: require("@alicloud/cdn20180510") },
  "2015-04-01": { core: NEWER, package: require("@alicloud/sts20150401") },
  "2017-12-14": { core: NEWER, package: require("@alicloud/bssopenapi20171214") },
  "2022-04-19": { core: NEWER, package: null },
};

function lowerFirst(name) {
  return name[0].toLowerCase() + name.slice(1);
}

async function outcome(address, call) {
  const product = PRODUCTS[call.version];
  const [accessKeyId, accessKeySecret, securityToken] = call.key;
  const config = new product.core.Config({
    accessKeyId,
    accessKeySecret,
    securityToken,
    endpoint: new URL(address).host,
    protocol: "HTTP",
    regionId: "cn-hangzhou",
    signatureAlgorithm: call.signature === "V1" ? "v2" : undefined,
  });
  const ownMethod = product.package && call.method === "POST" && call.place === "query" && !call.anonymous;
  try {
    return { answer: await (ownMethod ? byItsMethod : byAnyMethod)(product, config, call) };
  } catch (error) {
    if (!error.data) throw error;
    return {
      error: {
        type: error.name,
        code: error.code,
        message: error.data.Message,
        status: error.statusCode || error.data.statusCode,
        request_id: error.data.RequestId,
        retry_after: error.retryAfter,
        access_denied_detail: error.accessDeniedDetail,
      },
    };
  }
}

// The answer to a call by the product's own method and models.
async function byItsMethod(product, config, call) {
  const client = new product.package.default(config);
  const Request = product.package[`${call.action}Request`];
  const requests = [];
  if (Request) {
    const fields = Object.entries(Request.names()).map(([field, name]) => [field, call.parameters[name]]);
    requests.push(new Request(Object.fromEntries(fields)));
  }
  const method = `${lowerFirst(call.action)}WithOptions`;
  return (await client[method](...requests, new product.core.RuntimeOptions({}))).body.toMap();
}

// The answer to a call as people make those for which there is no method.
async function byAnyMethod(product, config, call) {
  const params = new product.core.Params({
    action: call.action,
    version: call.version,
    protocol: "HTTP",
    pathname: "/",
    method: call.method,
    authType: call.anonymous ? "Anonymous" : "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  });
  const flat = product.core === OLDER ? (map) => map : (map) => core.OpenApiUtil.query(map);
  const parameters = call.place === "body" ? { body: call.parameters } : { query: flat(call.parameters) };
  const request = new product.core.OpenApiRequest(parameters);
  return (await new product.core.Client(config).callApi(params, request, new product.core.RuntimeOptions({}))).body;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await outcome(process.argv[2], JSON.parse(line))));
  }
})();
