#include "api/run/lora_settings.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

struct Folder {
  test::TempFolder folder;
  Folder() {
    std::filesystem::create_directories(folder.path() + "/more");
    for (const std::string name : {"Ink.safetensors", "more/old.pt", "a:1.safetensors"})
      EXPECT_TRUE(write_file(folder.path() + "/" + name, "x").ok());
  }
  std::string operator/(const std::string& name) const { return folder.path() + "/" + name; }
};

TEST(ParseLoraSetting, TakesStrengthsOffTheEnd) {
  const Folder f;
  const std::string ink = f / "Ink.safetensors", colon = f / "a:1.safetensors";
  EXPECT_EQ(*parse_lora_setting(ink, ""), (LoraSetting{ink, 1, 1}));
  EXPECT_EQ(*parse_lora_setting(ink + ":0.8", ""), (LoraSetting{ink, 0.8, 0.8}));
  EXPECT_EQ(*parse_lora_setting(ink + ":0.5:-1", ""), (LoraSetting{ink, 0.5, -1}));
  EXPECT_EQ(*parse_lora_setting(colon, ""), (LoraSetting{colon, 1, 1}));
  EXPECT_EQ(*parse_lora_setting(colon + ":2", ""), (LoraSetting{colon, 2, 2}));
  EXPECT_EQ(*parse_lora_setting("old:0.5", f.folder.path()),
            (LoraSetting{f / "more/old.pt", 0.5, 0.5}));
  EXPECT_EQ(parse_lora_setting(ink + ":big", "").error().message,
            "'big' is no strength of a LoRA; pass --lora FILE:0.8, or FILE:0.5:0.8 for the text "
            "encoder's and the UNet's");
  EXPECT_EQ(parse_lora_setting("gone.safetensors:1", "").error().code, ErrorCode::not_found);
}

TEST(LorasInPrompt, AreFilesOfTheFolder) {
  const Folder f;
  const auto found = loras_in_prompt("a <lora:ink:0.5> b <lora:old:0.2:0.3>", f.folder.path());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(*found, (std::vector<LoraSetting>{{f / "Ink.safetensors", 0.5, 0.5},
                                              {f / "more/old.pt", 0.2, 0.3}}));
  EXPECT_EQ(loras_in_prompt("<lora:Inc:1>", f.folder.path()).error().message,
            f.folder.path() + ": no LoRA file 'Inc' in it; did you mean 'Ink'?");
  EXPECT_EQ(loras_in_prompt("<lora:ink:1>", "").error().message,
            "the LoRA 'ink' is named, but no folder of LoRA files; pass --lora-dir DIR");
  EXPECT_TRUE(loras_in_prompt("a cat", "")->empty());
}

}  // namespace
}  // namespace tempera::api
