#pragma once

#include <string>
#include <vector>

namespace tempera::test {

struct ProgramResult {
  int exit_code = -1;  // 128 + signal where a signal ended it
  std::string out, err;
};

// Runs build/tempera. Kernels are cached in the build folder, not in the user's cache.
ProgramResult run_program(const std::vector<std::string>& arguments);

// The same, and fails the test unless the program exits with 0. Returns what it wrote to stdout.
std::string expect_program(const std::vector<std::string>& arguments);

}  // namespace tempera::test
