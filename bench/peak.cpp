// Prints what this machine reaches: a line for each kind of arithmetic in GFLOP/s, and GB/s.
// Usage: peak [THREADS]
#include "api/compile/peak.h"

#include <fmt/format.h>

#include <cstdlib>

#include "backend/cpu/codegen/host.h"

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  // Measured anew: what else the machine does changes.
  const auto peaks = tempera::api::measure_peaks(tempera::cpu::host_target(),
                                                 tempera::api::DiskCache(""), threads);
  if (!peaks.ok()) {
    fmt::print(stderr, "peak: {}\n", peaks.error().message);
    return tempera::exit_code(peaks.error().code);
  }
  fmt::print(
      "f32_fma {:.1f}\nbf16_dot {:.1f}\nbf16_matrix {:.1f}\nf16_fma {:.1f}\ni8_dot {:.1f}\nbytes "
      "{:.1f}\n",
      peaks->f32_fma, peaks->bf16_dot, peaks->bf16_matrix, peaks->f16_fma, peaks->i8_dot,
      peaks->bytes);
}
