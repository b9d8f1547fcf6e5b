// Validate an OpenAPI document with ApiDOM, the validator of Swagger's editor, which has no command. This is a CommonJS
// module, because ES modules are not looked up in NODE_PATH.
"use strict";

const { readFileSync } = require("node:fs");
const { pathToFileURL } = require("node:url");
const { LogLevel, getLanguageService } = require("@swagger-api/apidom-ls");
const { TextDocument } = require("vscode-languageserver-textdocument");

async function main(path) {
  const document = TextDocument.create(pathToFileURL(path).href, "yaml", 0, readFileSync(path, "utf8"));
  const service = getLanguageService({ logLevel: LogLevel.ERROR });
  // Errors, warnings and hints alike.
  const found = (await service.doValidation(document)).map(
    ({ range: { start }, message }) => `${start.line + 1}:${start.character + 1}: ${message}`,
  );
  // ApiDOM reports nothing for a document that it does not recognize as OpenAPI.
  if ((await service.doFindDocumentSymbols(document)).length === 0) found.push("not an OpenAPI document that ApiDOM recognizes");
  service.terminate();
  for (const line of found) console.error(`${path}:${line}`);
  if (found.length === 0) console.log(`${path}: ApiDOM found no problems`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

main(process.argv[2]);
