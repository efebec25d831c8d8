#include "tensor_file/tensor_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/json.h"
#include "tensor_file/convert.h"
#include "tensor_file/safetensors.h"
#include "test/temp_folder.h"

namespace tempera {
namespace {

const std::string kData = std::string(TEMPERA_SOURCE_DIR) + "/test/data/";

TensorFile open_or_fail(const std::string& path) {
  Result<TensorFile> file = TensorFile::open(path);
  if (!file.ok()) throw std::runtime_error(file.error().message);
  return std::move(file).value();
}

std::vector<double> values(const TensorFile& file, std::string_view name) {
  const StoredTensor* tensor = file.find(name);
  if (tensor == nullptr) throw std::runtime_error("no " + std::string(name));
  Tensor wide(DType::f64, tensor->shape);
  convert(tensor->dtype, tensor->bytes, DType::f64, wide.data);
  const auto span = wide.as<double>();
  return {span.begin(), span.end()};
}

using Values = std::vector<double>;

TEST(TensorFile, RefusesEveryBrokenFileWithASentence) {
  const Json index = read_json_file(kData + "broken/index.json").value();
  ASSERT_GE(index["files"].size(), 41u);
  for (const auto& [name, row] : index["files"].items()) {
    const std::string path = kData + "broken/" + name;
    const Result<TensorFile> file = TensorFile::open(path);
    EXPECT_EQ(file.ok(), row["error"].is_null())
        << name << ": " << (file.ok() ? "opened" : file.error().message);
    if (file.ok()) continue;
    EXPECT_TRUE(file.error().message.starts_with(path + ": ")) << file.error().message;
    EXPECT_FALSE(file.error().message.ends_with('.')) << file.error().message;
  }
  EXPECT_FALSE(std::filesystem::exists("PWNED"));
}

class TorchFile : public testing::TestWithParam<std::string> {};

// All forms hold the same: views, strides, every dtype, and things that are no tensors around them.
TEST_P(TorchFile, HasTheTensorsOfTheStateDict) {
  const TensorFile file = open_or_fail(kData + "torch/" + GetParam());
  EXPECT_EQ(file.tensors().size(), 17u);
  EXPECT_EQ(file.find("f32")->shape, (Shape{2, 3, 4}));
  EXPECT_EQ(values(file, "f32")[23], 23);
  EXPECT_EQ(file.find("transposed")->shape, (Shape{6, 4}));
  EXPECT_EQ((Values{0, 6, 12, 18, 1}), [&] {
    Values all = values(file, "transposed");
    all.resize(5);
    return all;
  }());
  EXPECT_EQ(values(file, "tail"), (Values{20, 21, 22, 23}));
  EXPECT_EQ(values(file, "column"), (Values{2, 8, 14, 20}));
  EXPECT_EQ(values(file, "f16"), (Values{1.5, -2}));
  EXPECT_EQ(values(file, "bf16"), (Values{0.5}));
  EXPECT_EQ(values(file, "f64"), (Values{3.25}));
  EXPECT_EQ(values(file, "i64"), (Values{-5, 1099511627776.0}));
  EXPECT_EQ(values(file, "i32"), (Values{7}));
  EXPECT_EQ(values(file, "i16"), (Values{-3, 300}));
  EXPECT_EQ(values(file, "i8"), (Values{-1}));
  EXPECT_EQ(values(file, "u8"), (Values{255}));
  EXPECT_EQ(values(file, "bool"), (Values{1, 0}));
  EXPECT_EQ(values(file, "scalar"), (Values{2.5}));
  EXPECT_EQ(file.find("scalar")->shape, Shape{});
  EXPECT_EQ(file.find("empty")->shape, (Shape{0, 4}));
  EXPECT_EQ(values(file, "expanded"), (Values{9, 9, 9}));
  EXPECT_EQ(values(file, "parameter"), (Values{4}));
}

INSTANTIATE_TEST_SUITE_P(Forms, TorchFile,
                         testing::Values("zip.ckpt", "protocol4.ckpt", "deflated.ckpt",
                                         "legacy.pt"));

TEST(TensorFile, MapsTorchTensorsThatLieDensely) {
  const TensorFile file = open_or_fail(kData + "torch/zip.ckpt");
  EXPECT_NE(file.find("f32")->file, nullptr);
  EXPECT_NE(file.find("tail")->file, nullptr);
  EXPECT_EQ(file.find("transposed")->file, nullptr);
}

TEST(TensorFile, NamesTensorsByTheKeysOnTheWayToThem) {
  const TensorFile file = open_or_fail(kData + "torch/embedding.pt");
  EXPECT_EQ(values(file, "string_to_param.*"), Values(6, 1));
  EXPECT_EQ(values(file, "string_to_token.*"), (Values{265}));
}

struct Shards {
  test::TempFolder folder;
  std::string index = folder.path("model.safetensors.index.json");
  Shards() {
    const Tensor a = Tensor::of<float>(DType::f32, {1}, {1}),
                 b = Tensor::of<float>(DType::f32, {1}, {2});
    EXPECT_TRUE(write_safetensors(folder.path("1.safetensors"), {view("a", a)}).ok());
    EXPECT_TRUE(write_safetensors(folder.path("2.safetensors"), {view("b", b)}).ok());
  }
  Result<TensorFile> open(const std::string& map) const {
    EXPECT_TRUE(write_file(index, R"({"weight_map": )" + map + "}").ok());
    return TensorFile::open(index);
  }
};

TEST(ShardedFile, JoinsTheFilesOfItsIndex) {
  const Shards shards;
  const auto file = shards.open(R"({"b": "2.safetensors", "a": "1.safetensors"})");
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->tensors()[0].first, "b");
  EXPECT_EQ(values(*file, "a"), (Values{1}));
  EXPECT_EQ(values(*file, "b"), (Values{2}));
}

TEST(ShardedFile, IsRefusedWhereItLeavesItsFolderOrLacksATensor) {
  const Shards shards;
  const auto outside = shards.open(R"({"a": "../1.safetensors"})");
  ASSERT_FALSE(outside.ok());
  EXPECT_EQ(outside.error().code, ErrorCode::data_loss);
  const auto lacking = shards.open(R"({"b": "1.safetensors"})");
  ASSERT_FALSE(lacking.ok());
  EXPECT_EQ(lacking.error().message, shards.folder.path("1.safetensors") +
                                         ": tensor 'b' is missing, which " + shards.index +
                                         " says is there");
  const auto absent = shards.open(R"({"b": "3.safetensors"})");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tempera
