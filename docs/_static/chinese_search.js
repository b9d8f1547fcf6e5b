// Sphinx 9.0 has its Chinese search ask for a stemmer by a name that it gives to none; later releases, which need
// Python 3.12, ask for the English one: https://github.com/sphinx-doc/sphinx/issues/14229
Object.defineProperty(window, "ChineseStemmer", { get: () => EnglishStemmer });
