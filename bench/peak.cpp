// Prints the f32 multiply-add rate of this machine in GFLOP/s. Usage: peak [THREADS]
#include <fmt/format.h>

#include <cstdlib>

#include "backend/cpu/codegen/host.h"
#include "bench/harness.h"

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const tempera::Result<double> peak =
      tempera::bench::peak_gflops(tempera::cpu::host_target(), threads);
  if (!peak.ok()) {
    fmt::print(stderr, "peak: {}\n", peak.error().message);
    return tempera::exit_code(peak.error().code);
  }
  fmt::print("{:.1f}\n", *peak);
}
