#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/shape.h"

namespace tempera::diffusion::test {

// The reference's folder of this name where TEMPERA_GOLDENS leads to one, else the part of it that
// is kept in test/data.
inline std::string golden_folder() {
  const char* goldens = std::getenv("TEMPERA_GOLDENS");
  return goldens ? std::string(goldens) + "/images"
                 : std::string(TEMPERA_SOURCE_DIR) + "/test/data/images";
}

struct GoldenBytes {
  Shape shape;
  std::vector<uint8_t> bytes;
};

// The U8 tensors of a safetensors file, which may hold others.
inline std::map<std::string, GoldenBytes> golden_tensors(const std::string& name) {
  const std::string file = read_file(golden_folder() + "/" + name).value();
  uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  const Json header = parse_json(std::string_view(file).substr(8, size), name).value();
  std::map<std::string, GoldenBytes> tensors;
  for (const auto& [key, value] : header.items()) {
    if (value.value("dtype", "") != "U8") continue;
    const auto begin = file.begin() + 8 + static_cast<int64_t>(size);
    tensors[key] = {value["shape"].get<Shape>(),
                    {begin + value["data_offsets"][0].get<int64_t>(),
                     begin + value["data_offsets"][1].get<int64_t>()}};
  }
  return tensors;
}

}  // namespace tempera::diffusion::test
