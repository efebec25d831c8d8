#include "tensor_file/stream_safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tensor_file/safetensors.h"
#include "test/temp_folder.h"

namespace tempera {
namespace {

using test::TempFolder;

Tensor f32(std::initializer_list<float> values) {
  return Tensor::of<float>(DType::f32, {static_cast<int64_t>(values.size())}, values);
}

LazyTensor lazy(const std::string& name, const Tensor& tensor, std::vector<std::string>* asked) {
  return {name, tensor.dtype, tensor.shape, [=] {
            if (asked != nullptr) asked->push_back(name);
            return Result(tensor);
          }};
}

TEST(StreamSafetensors, WritesTheFileThatWriteSafetensorsDoes) {
  const TempFolder folder;
  const Tensor a = f32({1, 2, 3}), b = Tensor(DType::f16, {2, 2}), c = Tensor(DType::f32, {0});
  ASSERT_TRUE(write_safetensors(folder.path("whole"), {view("b", b), view("a", a), view("c", c)},
                                {{"k", "v"}})
                  .ok());
  std::vector<std::string> asked;
  ASSERT_TRUE(stream_safetensors(folder.path("stream"),
                                 {lazy("b", b, &asked), lazy("a", a, &asked), lazy("c", c, &asked)},
                                 {{"k", "v"}})
                  .ok());
  EXPECT_EQ(*read_file(folder.path("stream")), *read_file(folder.path("whole")));
  EXPECT_EQ(asked.size(), 3u) << "each value is made once";
}

TEST(StreamSafetensors, LeavesNoFileWhereAValueCannotBeMade) {
  const TempFolder folder;
  LazyTensor broken = lazy("b", f32({1}), nullptr);
  broken.values = []() -> Result<Tensor> { return error(ErrorCode::data_loss, "no value"); };
  const Status written =
      stream_safetensors(folder.path("a"), {lazy("a", f32({1}), nullptr), std::move(broken)});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().message, "no value");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StreamSafetensors, RefusesTwoTensorsOfOneName) {
  const TempFolder folder;
  const Tensor a = f32({1});
  const Status written =
      stream_safetensors(folder.path("a"), {lazy("a", a, nullptr), lazy("a", a, nullptr)});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace tempera
