"use strict";
const Alpaca = require("@alpacahq/alpaca-trade-api"); // 3.x

const rest = process.env.EXCHANGE_REST || "http://127.0.0.1:8900";
// Stock, news and option streams always use wss: start the exchange with --tls-port 8943, and node with
// NODE_EXTRA_CA_CERTS set to the `ca` it prints.
const secure = process.env.EXCHANGE_TLS_REST || "https://127.0.0.1:8943";

const alpaca = new Alpaca({
  keyId: process.env.EXCHANGE_KEY,
  secretKey: process.env.EXCHANGE_SECRET,
  baseUrl: rest,
  dataBaseUrl: rest,
  dataStreamUrl: secure,
});

module.exports = alpaca;
