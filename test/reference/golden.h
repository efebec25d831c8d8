#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/tensor.h"
#include "tensor_file/safetensors.h"

// What tests against the reference implementations share: reading test/data, and comparing.
namespace tempera::test {

inline std::string data_path(const std::string& name) {
  return std::string(TEMPERA_SOURCE_DIR) + "/test/data/" + name;
}

using Tensors = std::map<std::string, Tensor>;

inline Tensors load_tensors(const std::string& path) {
  const Result<SafetensorsFile> file = SafetensorsFile::open(path);
  Tensors tensors;
  for (const TensorInfo& info : file->tensors()) tensors.emplace(info.name, file->load(info));
  return tensors;
}

// Tensors of outputs of every module: test/data/layers/NAME.safetensors.
inline Tensors load_layers(const std::string& name) {
  return load_tensors(data_path("layers/" + name + ".safetensors"));
}

// |got - want| is at most `bound` times the largest |want|.
inline void expect_close(const std::string& what, const Tensor& got, const Tensor& want,
                         double bound) {
  ASSERT_EQ(got.dtype, DType::f32) << what;
  ASSERT_EQ(got.shape, want.shape) << what;
  const auto got_values = got.as<float>(), want_values = want.as<float>();
  double largest = 0, worst = 0;
  for (size_t i = 0; i < got_values.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(want_values[i])));
    const double difference = std::abs(static_cast<double>(got_values[i]) - want_values[i]);
    worst = difference > worst || std::isnan(difference) ? difference : worst;
  }
  EXPECT_LE(worst, bound * largest) << what << ": largest value " << largest;
}

}  // namespace tempera::test
