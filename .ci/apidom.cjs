// Say what ApiDOM, the judge of documents in Swagger's editor, has against an OpenAPI document. It has no command of
// its own. CommonJS, because modules of the other kind are looked for beside this file only, not in .venv.
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
  // Of a document that it does not know for one of OpenAPI it says nothing at all.
  if ((await service.doFindDocumentSymbols(document)).length === 0) found.push("no OpenAPI that ApiDOM knows");
  service.terminate();
  for (const line of found) console.error(`${path}:${line}`);
  if (found.length === 0) console.log(`${path}: ApiDOM finds nothing wrong`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

main(process.argv[2]);
