#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kernel/stmt.h"

namespace tempera::kernel {

// One launch's code: reads and writes its parameters, which are global buffers; a launch binds them
// by position. Two parameters may be bound to overlapping memory only if neither is written, or
// where the plan says an output may take an input's place (every element is read by the iteration
// and lane that writes it, before it does).
struct Kernel {
  std::string name;
  std::vector<Buffer> parameters;
  Stmt body;
};

// A short list of named integers: the decisions that a schedule builds a kernel from. Printed
// "tile_m=6 tile_n=64".
struct Config {
  std::vector<std::pair<std::string, int64_t>> values;
  int64_t at(std::string_view name) const;  // CHECKs that it is there
  bool operator==(const Config&) const = default;
};
std::string to_string(const Config& config);
Result<Config> parse_config(std::string_view text);

}  // namespace tempera::kernel
