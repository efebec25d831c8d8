#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "tensor_file/safetensors.h"
#include "tensor_file/tensor_file.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

namespace fs = std::filesystem;

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

// A cache of this test's own.
class Cache : public testing::Test {
 protected:
  int run(const std::string& variables, const std::string& arguments) const {
    const std::string command = "TEMPERA_CACHE_DIR=" + folder_.path("cache") + " " + variables +
                                " " + TEMPERA_PROGRAM + " " + arguments + " >" +
                                folder_.path("out");
    return std::system(command.c_str());
  }
  Json listed(const std::string& variables = "") const {
    EXPECT_EQ(run(variables, "cache list --json"), 0);
    return *read_json_file(folder_.path("out"));
  }
  void generate(const std::string& model) const {
    EXPECT_EQ(run("", "generate acat --width 64 --height 64 --steps 1 --seed 1 -q -m " + model +
                          " --save-latents " + latents_ + " -o " + folder_.path("x.png")),
              0);
  }
  std::string latents() const { return *read_file(latents_); }

  const TempFolder folder_;
  const std::string latents_ = folder_.path("latents.safetensors");
};

// The tiny model with another UNet.
std::string write_fine_tune(const TempFolder& folder) {
  const std::string model = folder.path("fine_tune");
  fs::copy(kTiny, model, fs::copy_options::recursive);
  const std::string unet = model + "/unet/diffusion_pytorch_model.fp16.safetensors";
  const auto file = TensorFile::open(kTiny + "/unet/diffusion_pytorch_model.fp16.safetensors");
  std::vector<Tensor> values;
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : file->tensors()) values.push_back(*load(tensor));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].shape.size() > 1) values[i].data[1] ^= std::byte{0x80};  // f16: its sign
    views.push_back(view(file->tensors()[i].first, values[i]));
  }
  EXPECT_TRUE(write_safetensors(unet, views).ok());
  return model;
}

TEST_F(Cache, ASecondFineTuneCompilesNothing) {
  generate(kTiny);
  const std::string first = latents();
  const Json before = listed();
  EXPECT_EQ(before["kinds"]["components"]["entries"], 3);
  generate(write_fine_tune(folder_));
  EXPECT_NE(latents(), first);
  EXPECT_EQ(listed()["kinds"], before["kinds"]);
}

TEST_F(Cache, TellsItsLimitAndWhereThatComesFrom) {
  EXPECT_EQ(listed()["limit"], int64_t{4} << 30);
  EXPECT_EQ(listed()["limit_from"], "default");
  const Json limited = listed("TEMPERA_CACHE_SIZE=2GiB");
  EXPECT_EQ(limited["limit"], int64_t{2} << 30);
  EXPECT_EQ(limited["limit_from"], "TEMPERA_CACHE_SIZE");
  EXPECT_EQ(run("TEMPERA_CACHE_SIZE=2GiB", "cache list"), 0);
  EXPECT_NE(read_file(folder_.path("out"))->find("of 2.15 GB (by $TEMPERA_CACHE_SIZE"),
            std::string::npos);
}

}  // namespace
}  // namespace tempera::test
