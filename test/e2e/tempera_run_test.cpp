#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

int shell(const std::string& command) { return std::system(command.c_str()); }

std::vector<std::string> settings(const TempFolder& folder, const std::string& model,
                                  const std::string& name) {
  return {"generate",
          "acat",
          "--steps",
          "2",
          "--seed",
          "3",
          "-q",
          "--width",
          "64",
          "--height",
          "64",
          "--save-latents",
          folder.path(name + ".safetensors"),
          "-o",
          folder.path(name + ".png"),
          "-m",
          model};
}

std::string command(const std::vector<std::string>& arguments) {
  std::string text = TEMPERA_RUN_PROGRAM;
  for (const std::string& argument : arguments) text += " " + argument;
  return text;
}

TEST(TemperaRun, MakesThePictureOfTheCompilerFromItsArtifact) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--size", "64x64", "-q"});
  ASSERT_EQ(shell(command(settings(folder, artifact, "run"))), 0);
  expect_program(settings(folder, kTiny, "all"));
  const auto run = read_file(folder.path("run.safetensors"), 1 << 24);
  const auto all = read_file(folder.path("all.safetensors"), 1 << 24);
  ASSERT_TRUE(run.ok() && all.ok());
  EXPECT_EQ(*run, *all);
}

TEST(TemperaRun, RefusesACheckpointInASentence) {
  const TempFolder folder;
  const std::string errors = folder.path("errors");
  EXPECT_NE(shell(command(settings(folder, kTiny, "x")) + " 2>" + errors), 0);
  const auto text = read_file(errors, 1 << 16);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "tempera-run: " + kTiny +
                       " is no artifact, and this program has no compiler; "
                       "make one with tempera compile " +
                       kTiny + " -o DIR\n");
}

TEST(TemperaRun, HoldsNoCompiler) {
  EXPECT_EQ(
      shell(std::string(TEMPERA_SOURCE_DIR) + "/tools/check_run_program " + TEMPERA_RUN_PROGRAM),
      0);
}

}  // namespace
}  // namespace tempera::test
