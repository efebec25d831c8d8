#include <cstdio>

#include "base/check.h"
#include "base/status.h"
#include "cli/command.h"

int main(int argc, char** argv) {
  try {
    return tempera::cli::run_program(argc, argv);
  } catch (const tempera::InternalError& bug) {
    std::fprintf(stderr, "tempera: internal error, please report it: %s\n", bug.what());
    return tempera::exit_code(tempera::ErrorCode::internal);
  } catch (const std::bad_alloc&) {
    std::fputs("tempera: out of memory\n", stderr);
    return tempera::exit_code(tempera::ErrorCode::resource_exhausted);
  }
}
