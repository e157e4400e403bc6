// What installed packages of npm say of themselves: `node installed.mjs DIR < products.json`.
//
// Prints, for each module of the catalogue that is installed, its version, which names it exports, and of a client made
// from it the defaults and the methods that are there. Must not judge.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [place] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(place, "package.json")));
const products = JSON.parse(readFileSync(0, "utf8"));

const below = (object, path) => path.split(".").filter(Boolean).reduce((at, name) => at?.[name], object);

function made(Constructor) {
  for (const options of [{ apiKey: "none" }, "none", { token: "none" }]) {
    try {
      return new Constructor(options);
    } catch {
      continue;
    }
  }
  return null;
}

function look(product, module) {
  const held = require(module);
  const names = [...product.constructors, ...product.instances, ...product.functions];
  const exported = names.filter((name) => held[name] !== undefined || (name === "default" && typeof held === "function"));
  const name = product.constructors.find((each) => exported.includes(each));
  const Constructor = held[name] ?? held;
  const client = (product.kind !== "agent" && typeof Constructor === "function" && made(Constructor)) || { ...held };
  const methods = product.apis.flatMap(({ paths, methods }) =>
    paths.flatMap((path) => methods.filter((method) => typeof below(client, path)?.[method] === "function")),
  );
  const makers = product.makers.filter((path) => typeof below(client, path) === "function");
  const set = typeof client === "function" ? {} : client;
  const timeout_ms = set.timeout ?? null;
  const retries = set.maxRetries ?? set.caller?.maxRetries ?? null;
  return { version: version(module), exported, methods, makers, timeout_ms, retries };
}

function version(module) {
  return JSON.parse(readFileSync(join(place, "node_modules", module, "package.json"), "utf8")).version;
}

const found = {};
for (const product of products) {
  for (const module of product.modules) {
    try {
      found[`${product.name} ${module}`] = look(product, module);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error;
    }
  }
}
console.log(JSON.stringify(found));
