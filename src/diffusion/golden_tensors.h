#pragma once

#include <cmath>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "tensor_file/safetensors.h"

namespace tempera::diffusion {

// Of the tests: a folder of the goldens, whole where TEMPERA_GOLDENS names them, else the part in
// the tree.
inline std::string golden_folder(const std::string& name) {
  const char* goldens = std::getenv("TEMPERA_GOLDENS");
  return goldens == nullptr ? TEMPERA_SOURCE_DIR "/test/data/" + name + "/"
                            : std::string(goldens) + "/" + name + "/";
}

// Empty if the file has none of that name.
inline std::vector<float> golden_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (info == nullptr) return {};
  const Tensor loaded = file.load(*info);
  const auto values = loaded.as<float>();
  return {values.begin(), values.end()};
}

// "" if all values are within the tolerances of those wanted, else what differs first.
inline std::string difference(std::span<const float> got, std::span<const float> want,
                              double absolute, double relative) {
  if (got.size() != want.size())
    return fmt::format("{} values instead of {}", got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= absolute + relative * std::abs(want[i])))
      return fmt::format("{} instead of {} at {}", got[i], want[i], i);
  return "";
}

}  // namespace tempera::diffusion
