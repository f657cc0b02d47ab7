// A user's program: everything it knows of brume is the installed tree.
#include <brume/engine/error.h>

int main() {
  return brume::to_string(brume::Error::stopping).empty() ? 1 : 0;
}
