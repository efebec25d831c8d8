// tempera profile: its table, JSON, timeline and page.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

Json parsed(const std::string& text) {
  const Result<Json> json = parse_json(text, "profile");
  EXPECT_TRUE(json.ok());
  return json.ok() ? *json : Json();
}

double sum(const Json& rows, const char* key) {
  double total = 0;
  for (const Json& row : rows) total += row.at(key).get<double>();
  return total;
}

TEST(Profile, JsonAddsUp) {
  const Json json = parsed(expect_program(
      {"profile", kTiny + ":text_encoder", "--repeat", "2", "--threads", "2", "--json", "-q"}));
  ASSERT_EQ(json["components"].size(), 1u);
  const Json& profile = json["components"][0];
  EXPECT_EQ(profile["component"], "text_encoder");
  EXPECT_EQ(profile["batch_size"], 2);
  EXPECT_EQ(profile["threads"], 2);
  EXPECT_EQ(profile["seconds"]["profiled"]["runs"], 2);
  EXPECT_GT(profile["peaks"]["f32_fma"].get<double>(), 0);
  const Json& stage = profile["stages"][profile["stage"].get<std::string>()];
  for (const char* rows : {"kinds", "modules", "kernels"}) {
    EXPECT_NEAR(sum(profile[rows], "share"), 1, 1e-9) << rows;
    EXPECT_NEAR(sum(profile[rows], "seconds"), stage["seconds"].get<double>(), 1e-9) << rows;
    EXPECT_EQ(sum(profile[rows], "launches"), stage["launches"].get<double>()) << rows;
  }
  EXPECT_GT(stage["flops"].get<double>(), 0);
  EXPECT_GT(stage["bytes"].get<double>(), 0);
}

TEST(Profile, TableNamesKernelsKindsAndModules) {
  const std::string table =
      expect_program({"profile", kTiny, "--size", "64x64", "--repeat", "1", "-q"});
  EXPECT_TRUE(table.starts_with("unet of sd15: batch 2, 8x8 in, ")) << table.substr(0, 100);
  for (const char* text : {"GB moved", "conv 3x3 ", "contraction", "down_blocks.0", "attention"})
    EXPECT_NE(table.find(text), std::string::npos) << text;
}

TEST(Profile, WritesATimelineAndAPage) {
  const TempFolder folder;
  const std::string trace = folder.path("t.json"), page = folder.path("p.html");
  expect_program({"profile", kTiny, "--all", "--size", "64x64", "--repeat", "1", "-q", "--trace",
                  trace, "--html", page});
  const Json events = parsed(*read_file(trace))["traceEvents"];
  EXPECT_GT(events.size(), 50u);
  const std::string html = *read_file(page);
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  for (const char* text : {"text_encoder</h2>", "unet</h2>", "vae_decoder</h2>", "<svg", "</html>"})
    EXPECT_NE(html.find(text), std::string::npos) << text;
}

void expect_error(const std::vector<std::string>& arguments, int exit_code,
                  const std::string& message) {
  const ProgramResult result = run_program(arguments);
  EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(Profile, RefusesWhatItCannotMeasure) {
  expect_error({"profile", kTiny + ":unett", "-q"}, 4, "has no component 'unett'");
  expect_error({"profile", "nowhere", "-q"}, 4, "nowhere");
  expect_error({"profile", kTiny + ":unet", "--all", "-q"}, 2, "both :unet and --all");
  expect_error({"profile", kTiny, "--size", "60x64", "-q"}, 2, "not a multiple of 8");
  expect_error({"profile", kTiny, "--inputs", "gone.safetensors", "-q"}, 4, "gone.safetensors");
  expect_error({"profile", kTiny, "--html", "/nowhere/p.html", "-q"}, 4,
               "cannot write /nowhere/p.html: there is no folder /nowhere");
}

}  // namespace
}  // namespace tempera::test
