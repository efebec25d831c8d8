#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/status.h"
#include "kernel/kernel.h"

namespace tempera::kernel {

// Executes kernels exactly as expr.h and stmt.h define them: the reference for every code generator
// and the judge of every schedule. What those leave undefined is made loud: fresh workgroup and
// register memory holds bytes 0xff (NaN, -1), an access out of range fails a CHECK that names
// buffer, index and size, as do a zero divisor and a barrier that some lanes do not reach. i32
// arithmetic wraps. Math intrinsics are computed in double precision and rounded.

// The number of iterations of the grid: the product of the extents of the loops that the body
// starts with, which must be constants; 1 without any.
int64_t grid_extent(const Kernel& kernel);

// Runs the whole grid. buffers[i] is parameter i's memory; an error if one is missing or too small.
Status interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers);

// Runs grid iterations begin <= i < end; the loops' counters are i's digits, the innermost loop's
// the lowest.
Status interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers, int64_t begin,
                 int64_t end);

// A kernel made ready to run many times, also by several threads at once.
class InterpretedKernel {
 public:
  explicit InterpretedKernel(Kernel kernel);
  ~InterpretedKernel();
  InterpretedKernel(InterpretedKernel&&) noexcept;
  InterpretedKernel& operator=(InterpretedKernel&&) noexcept;

  const Kernel& kernel() const { return kernel_; }
  Status run(std::span<const std::span<std::byte>> buffers, int64_t begin, int64_t end) const;

 private:
  struct Code;
  Kernel kernel_;
  std::unique_ptr<const Code> code_;
};

}  // namespace tempera::kernel
