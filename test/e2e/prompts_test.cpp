// How `tempera generate` reads prompts.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "diffusion/image/png.h"
#include "test/reference/golden.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

constexpr double kBound = 1e-4;

// The latents of a small picture.
Tensor latents_of(const std::string& prompt, const std::vector<std::string>& more = {}) {
  const TempFolder folder;
  std::vector<std::string> arguments = {"generate",
                                        prompt,
                                        "-m",
                                        data_path("tiny/sd15"),
                                        "--width",
                                        "64",
                                        "--height",
                                        "64",
                                        "--steps",
                                        "4",
                                        "--sampler",
                                        "euler",
                                        "--seed",
                                        "5",
                                        "-n",
                                        "dull",
                                        "-q",
                                        "--save-latents",
                                        folder.path("latents.safetensors"),
                                        "-o",
                                        folder.path("x.png")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect_program(arguments);
  return load_tensors(folder.path("latents.safetensors")).at("latents");
}

TEST(Prompts, EqualPartsAreAsOne) {
  const Tensor one = latents_of("a cat");
  expect_close("parts", latents_of("a cat :0.25 AND a cat :0.75"), one, kBound);
  EXPECT_NE(latents_of("a cat :0.5 AND a dog :0.5"), one);
}

TEST(Prompts, EqualChunksAreAsOne) {
  expect_close("chunks", latents_of("a cat BREAK a cat"), latents_of("a cat"), kBound);
  EXPECT_NE(latents_of("a cat BREAK a dog"), latents_of("a cat a dog"));
}

TEST(Prompts, ChangeWhereTheScheduleSays) {
  const Tensor cat = latents_of("a cat"), dog = latents_of("a dog");
  EXPECT_EQ(latents_of("a [cat:dog:4]"), cat);
  EXPECT_EQ(latents_of("a [cat:dog:0]"), dog);
  const Tensor half = latents_of("a [cat:dog:0.5]");
  EXPECT_NE(half, cat);
  EXPECT_NE(half, dog);
  EXPECT_EQ(latents_of("a [cat:cat:2]"), cat);
}

TEST(Prompts, WeighAndReadPlainTextAsItStands) {
  const Tensor plain = latents_of("a cat");
  EXPECT_EQ(latents_of("a (cat:1.0)"), plain);
  EXPECT_NE(latents_of("a (cat:1.4)"), plain);
  EXPECT_EQ(latents_of("a cat", {"--prompt-language", "plain"}), plain);
  EXPECT_NE(latents_of("a (cat:1.0)", {"--prompt-language", "plain"}), plain);
}

std::vector<std::string> tiny(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      "generate", "-m", data_path("tiny/sd15"), "--width", "32", "--height", "32", "--steps",
      "2",        "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(PromptsFile, GoesOnWhereItStopped) {
  const TempFolder folder;
  const std::string file = folder.path("prompts.txt"), names = folder.path("p{index}.png");
  std::ofstream(file) << "a cat\n\n  a dog  \n";
  const std::vector<std::string> arguments =
      tiny({"--prompts-file", file, "--seed", "3", "-o", names});
  const std::string first = folder.path("p0.png"), second = folder.path("p1.png");
  EXPECT_EQ(expect_program(arguments), "wrote " + first + "\nwrote " + second + "\n");
  const auto picture = diffusion::read_png(second);
  ASSERT_TRUE(picture.ok());
  EXPECT_TRUE(picture->text[0].second.starts_with("a dog\n"));
  EXPECT_NE(picture->text[0].second.find("Seed: 4,"), std::string::npos);
  std::filesystem::remove(second);
  EXPECT_EQ(expect_program(arguments), "wrote " + second + "\n");
  EXPECT_EQ(expect_program(arguments), "");
}

TEST(Wildcards, AreChosenByEachPicturesSeed) {
  const TempFolder folder;
  std::ofstream words(folder.path("word.txt"));
  for (char c = 'a'; c <= 'z'; ++c) words << c << "\n";
  words.close();
  const auto prompt_of = [](const std::string& file) {
    const auto picture = diffusion::read_png(file);
    return picture.ok() ? picture->text[0].second.substr(0, 6) : picture.error().message;
  };
  const std::string dir = std::filesystem::path(folder.path("word.txt")).parent_path();
  expect_program(tiny(
      {"the __word__", "--wildcard-dir", dir, "--seed", "1,2", "-o", folder.path("{seed}.png")}));
  expect_program(
      tiny({"the __word__", "--wildcard-dir", dir, "--seed", "2", "-o", folder.path("x.png")}));
  EXPECT_EQ(prompt_of(folder.path("2.png")), prompt_of(folder.path("x.png")));
  EXPECT_NE(prompt_of(folder.path("2.png")), prompt_of(folder.path("1.png")));
  const ProgramResult missing =
      run_program(tiny({"the __wort__", "--wildcard-dir", dir, "-o", folder.path("y.png")}));
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_NE(missing.err.find("there is no wildcard 'wort'"), std::string::npos) << missing.err;
}

TEST(Prompts, TellWhatTheyMean) {
  const auto json =
      parse_json(expect_program({"prompt", "-m", data_path("tiny/sd15"), "[a:(b:1.5):2] AND c:0.5",
                                 "--json", "--steps", "5"}),
                 "prompt");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["steps"], 5);
  const Json& first = (*json)["parts"][0];
  EXPECT_EQ(first["weight"], 1.0);
  EXPECT_EQ(first["schedule"][0]["last_step"], 2);
  EXPECT_EQ(first["schedule"][0]["text"], "a");
  EXPECT_EQ(first["schedule"][1]["runs"], Json::array({Json::array({"b", 1.5})}));
  EXPECT_EQ(first["schedule"][1]["chunks"][0]["ids"].size(), 77u);
  EXPECT_EQ(first["schedule"][1]["chunks"][0]["weights"][1], 1.5);
  EXPECT_EQ((*json)["parts"][1]["weight"], 0.5);
}

}  // namespace
}  // namespace tempera::test
