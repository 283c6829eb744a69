"""`python -m corpusforge`: the command line where only the package is there, such as in a runtime environment."""

from corpusforge.cli import main

if __name__ == "__main__":
    main()
