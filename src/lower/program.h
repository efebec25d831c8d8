#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kernel/kernel.h"

namespace tempera::lower {

// What a kernel's parameter is bound to, seen from its group: `index` counts the group's inputs or
// outputs, or the program's temporaries or packed tensors.
struct Operand {
  enum class Kind : uint8_t { input, output, temporary, packed };
  Kind kind;
  int index;
  bool operator==(const Operand&) const = default;
};

struct Launch {
  kernel::Kernel kernel;
  std::vector<Operand> operands;  // one for each parameter
};

// The code of one group. `setup` launches run once a model and write the packed tensors from inputs
// of rate load or constant; `main` launches run in order whenever the group does. Temporaries live
// from the first launch to the last.
struct Program {
  std::vector<Launch> setup;
  std::vector<Launch> main;
  std::vector<int64_t> packed_bytes;
  std::vector<int64_t> temporary_bytes;
  // Pairs (output, input) that may share memory: every element of that input is read, by the
  // iteration and lane that writes the output's element in its place, before that write, and by
  // nobody else but earlier launches.
  std::vector<std::pair<int, int>> in_place;
  // Operations in the products of all main launches, where they are not those of the group
  // (work_of): transforms that save multiplications.
  std::optional<double> executed_flops;
};

}  // namespace tempera::lower
