// Subcommands that ask: their JSON.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

Json json_of(const std::vector<std::string>& arguments) {
  const Result<Json> json = parse_json(expect_program(arguments), arguments[0]);
  return json.ok() ? *json : Json();
}

TEST(Tokenize, GivesIdsWithBeginAndEnd) {
  EXPECT_EQ(json_of({"tokenize", "a red heart", "--json"}),
            (Json{{"ids", {3198, 320, 551, 618, 3199}}}));
}

TEST(Tokenize, PadsToTheModelsLength) {
  EXPECT_EQ(json_of({"tokenize", "a red heart", "--json", "--pad"})["ids"].size(), 32u);
  EXPECT_EQ(json_of({"tokenize", "-m", kTiny, "a", "--json", "--pad"})["ids"].size(), 77u);
}

TEST(Samplers, TimestepsAndSigmas) {
  const Json json = json_of({"samplers", "euler", "--steps", "5", "--json"});
  EXPECT_EQ(json["timesteps"].size(), 5u);
  EXPECT_EQ(json["sigmas"].size(), 6u);
  EXPECT_EQ(json["sigmas"][5], 0.0);
}

TEST(Samplers, AreListed) { EXPECT_EQ(json_of({"samplers", "--json"})["samplers"].size(), 17u); }

TEST(Inspect, TellsFamilyAndComponents) {
  const Json json = json_of({"inspect", kTiny, "--json"});
  EXPECT_EQ(json["family"], "sd1");
  EXPECT_EQ(json["components"].size(), 3u);
  EXPECT_FALSE(json["components"][0].contains("tensors"));
}

TEST(Inspect, ListsTheTensorsOfAnUnknownFile) {
  const Json json = json_of(
      {"inspect", std::string(TEMPERA_SOURCE_DIR) + "/test/data/broken/ok_scalar.safetensors",
       "--json"});
  EXPECT_EQ(json["family"], "unknown");
  EXPECT_FALSE(json["components"][0]["tensors"].empty());
}

TEST(Queries, InspectCountsTheWorkOfAGuidedStepAndWhatPassesTakeAway) {
  const Json json = json_of({"inspect", kTiny, "--work", "--json"});
  EXPECT_EQ(json.at("kind"), "work");
  ASSERT_EQ(json.at("components").size(), 3u);
  const Json& unet = json.at("components").at(1);
  EXPECT_EQ(unet.at("batch_size"), 2);
  EXPECT_EQ(unet.at("repeat"), 2);
  std::vector<std::string> after;
  double before = 0;
  for (const Json& row : unet.at("rows")) {
    after.push_back(row.at("after"));
    if (before > 0) {
      EXPECT_LE(row.at("gflop").get<double>(), before);
    }
    before = row.at("gflop");
  }
  for (const char* pass : {"build", "split_by_rate", "sink_repeat", "upsample_conv"})
    EXPECT_NE(std::ranges::find(after, pass), after.end()) << pass;
  EXPECT_GT(unet.at("saved_percent"), 0);
  const std::string text = expect_program({"inspect", kTiny + ":vae_decoder", "--work"});
  EXPECT_NE(text.find("upsample_conv"), std::string::npos) << text;
}

TEST(Compile, OneArtifactForSeveralProcessors) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact"), latents = folder.path("x.safetensors");
  const Json json = json_of({"compile", kTiny, "-o", artifact, "--size", "64x64", "--cpu",
                             "aarch64:cortex-a76,x86-64-v2,native,aarch64:cortex-x1", "-q",
                             "--component", "text_encoder", "--json"});
  std::set<std::string> processors;
  for (const Json& plan : json["plans"]) processors.insert(plan["cpu"].get<std::string>());
  EXPECT_EQ(processors.size(), 4U);
  const Json inspected = json_of({"inspect", artifact, "--json"});
  EXPECT_EQ(inspected["cpu"], "cortex-a76");
  EXPECT_EQ(inspected["others"].size(), 3U);
  const Tensor ids = Tensor::of<int32_t>(DType::i32, {1, 77}, std::vector<int32_t>(77, 5));
  const std::string inputs = folder.path("in.safetensors");
  ASSERT_TRUE(write_safetensors(inputs, {view("input_ids", ids)}).ok());
  expect_program({"run", artifact + ":text_encoder", "--inputs", inputs, "-q"});
}

TEST(Inspect, PrintsGraphsAndKernels) {
  EXPECT_TRUE(expect_program({"inspect", kTiny + ":text_encoder", "--dump-after", "simplify"})
                  .starts_with("graph {"));
  EXPECT_NE(expect_program({"inspect", kTiny + ":unet", "--dump-after", "fuse", "--size", "64x64"})
                .find("// group 0: "),
            std::string::npos);
  EXPECT_NE(expect_program({"inspect", kTiny + ":text_encoder", "--kernels"}).find("kernel "),
            std::string::npos);
}

// f32 against itself: every layer and the picture are equal.
TEST(Accuracy, OfTheReferenceIsExact) {
  const Json json = json_of({"accuracy", kTiny, "--component", "text_encoder", "--pictures", "1",
                             "--steps", "1", "--size", "64x64", "--check", "-q", "--json"});
  EXPECT_EQ(json["within_bounds"], true);
  ASSERT_EQ(json["components"].size(), 1U);
  EXPECT_GT(json["components"][0]["layers"].size(), 10U);
  EXPECT_EQ(json["components"][0]["worst"]["error"], 0);
  EXPECT_TRUE(json["pictures"][0]["psnr"].is_null());
}

TEST(Accuracy, Of16BitsIsWithinItsBounds) {
  const Json json =
      json_of({"accuracy", kTiny, "--component", "text_encoder", "--pictures", "0", "--steps", "1",
               "--size", "64x64", "--precision", "bf16", "--check", "-q", "--json"});
  EXPECT_EQ(json["setting"], (Json{{"precision", "bf16"}, {"weights", "bf16"}}));
  EXPECT_GT(json["components"][0]["median"], 1e-4);
  EXPECT_LT(json["components"][0]["worst"]["error"], 0.01);
}

TEST(Accuracy, PrintsATableByLayer) {
  const std::string text = expect_program({"accuracy", kTiny, "--component", "vae_decoder",
                                           "--pictures", "0", "--steps", "1", "--size", "64x64"});
  EXPECT_NE(text.find("\n  decoder.conv_in "), std::string::npos) << text;
  EXPECT_NE(text.find("\nvae_decoder    worst 0.0000 % at "), std::string::npos) << text;
}

TEST(Quality, WritesAPageWithEveryPicture) {
  const TempFolder folder;
  const std::string page = folder.path("page.html");
  const Json json = json_of({"quality", kTiny, "--against", "steps=2", "--setting", "steps=1",
                             "--setting", "sampler=euler steps=2", "--size", "64x64", "--pictures",
                             "2", "-o", page, "-q", "--json"});
  EXPECT_EQ(json["file"], page);
  ASSERT_EQ(json["settings"].size(), 3U);
  EXPECT_TRUE(json["settings"][0]["mean_psnr"].is_null());
  EXPECT_LT(json["settings"][1]["mean_ssim"], 1);
  const std::string html = *read_file(page);
  size_t pictures = 0;
  for (size_t at = html.find("data:image/png"); at != std::string::npos;
       at = html.find("data:image/png", at + 1))
    ++pictures;
  EXPECT_EQ(pictures, 6U);
}

TEST(Devices, TellWhatIsCompiledFor) {
  EXPECT_EQ(json_of({"devices", "--cpu", "x86-64-v3", "--json"})["target"]["cpu"], "x86-64-v3");
}

TEST(Version, IsOneLine) {
  EXPECT_TRUE(expect_program({"version"}).starts_with("tempera "));
  EXPECT_EQ(expect_program({"--version"}), expect_program({"version"}));
  EXPECT_TRUE(json_of({"version", "--json"}).contains("version"));
}

}  // namespace
}  // namespace tempera::test
