#include "api/compile/convert.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "frontend/checkpoint/checkpoint.h"
#include "tensor_file/tensor_file.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/";

std::map<std::string, Tensor> tensors_of(const std::string& path, frontend::Part part) {
  std::map<std::string, Tensor> tensors;
  const auto checkpoint = frontend::open_checkpoint(path);
  const auto weights = frontend::open_weights(*checkpoint, part);
  for (const auto& [name, tensor] : (*weights)->tensors())
    if (is_float(tensor.dtype)) tensors.emplace(name, load(tensor).value());
  return tensors;
}

TEST(Convert, WritesAFolderOfTheSameTensorsAndConfigs) {
  for (const std::string model : {"sd15", "sd2"}) {
    const TempFolder folder;
    const std::string out = folder.path("out");
    const auto converted = convert_checkpoint(kTiny + model, out, std::nullopt);
    ASSERT_TRUE(converted.ok()) << converted.error().message;
    EXPECT_EQ(converted->family, model == "sd15" ? "sd1" : "sd2");
    ASSERT_EQ(converted->parts.size(), 3u);
    for (const auto part :
         {frontend::Part::text_encoder, frontend::Part::unet, frontend::Part::vae})
      EXPECT_TRUE(tensors_of(out, part) == tensors_of(kTiny + model, part)) << name(part);
    const auto was = frontend::open_checkpoint(kTiny + model), is = frontend::open_checkpoint(out);
    EXPECT_EQ(is->pipeline_class, "StableDiffusionPipeline");
    EXPECT_EQ(*frontend::recognise_family(*is), *frontend::recognise_family(*was));
    EXPECT_EQ(frontend::read_unet_config(*is)->levels.size(),
              frontend::read_unet_config(*was)->levels.size());
    EXPECT_EQ(is->tokenizer_folder, out + "/tokenizer");
    EXPECT_EQ((*read_json_file(is->scheduler_config))["prediction_type"],
              (*read_json_file(was->scheduler_config))["prediction_type"]);
  }
}

TEST(Convert, StoresFloatsAsAsked) {
  const TempFolder folder;
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    const std::string out = folder.path("out");
    ASSERT_TRUE(convert_checkpoint(kTiny + "sd15", out, dtype).ok()) << "over the one before";
    for (const auto& [name, tensor] : tensors_of(out, frontend::Part::vae))
      EXPECT_EQ(tensor.dtype, dtype) << name;
  }
}

TEST(Convert, LeavesFoldersOfOthersAlone) {
  const TempFolder folder;
  folder.write("out/thesis.txt", "mine");
  const auto converted = convert_checkpoint(kTiny + "sd15", folder.path("out"), std::nullopt);
  ASSERT_FALSE(converted.ok());
  EXPECT_EQ(converted.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(*read_file(folder.path("out/thesis.txt")), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(Convert, LeavesNothingOfAModelThatIsNotWhole) {
  const TempFolder folder;
  folder.write("model/vae/config.json", *read_file(kTiny + "sd15/vae/config.json"));
  EXPECT_FALSE(convert_checkpoint(folder.path("model"), folder.path("out"), std::nullopt).ok());
  EXPECT_FALSE(fs::exists(folder.path("out")));
}

}  // namespace
}  // namespace tempera::api
