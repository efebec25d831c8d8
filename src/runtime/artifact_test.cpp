#include "runtime/artifact.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "runtime/plan_for_test.h"
#include "runtime/plan_json.h"

namespace tempera::runtime {
namespace {

namespace fs = std::filesystem;

class ArtifactTest : public testing::Test {
 protected:
  void SetUp() override {
    root = testing::TempDir() + "/artifact_test_" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root);
    fs::create_directories(root);
    folder = root + "/out";
    artifact.tempera_version = "0.1.0";
    artifact.model = "tiny";
    artifact.target = {"cpu", "x86_64-unknown-linux-gnu", "x86-64-v3", {"avx2", "fma"}};
    artifact.plans = {{"unet", 64, 128, 2, {{"precision", "f32"}}, ""},
                      {"text_encoder", 0, 0, 1, {}, ""}};
    artifact.code_file = "kernels.so";
    artifact.weights = "../model";
  }
  void TearDown() override { fs::remove_all(root); }

  Status write() {
    Plan text = small_plan();
    text.component = "text_encoder";
    return write_artifact(folder, artifact, {small_plan(), text}, "code",
                          {{"tokenizer/vocab.json", "{}", ""}});
  }
  void edit(const std::string& file, std::string_view from, std::string_view to) {
    std::string text = *read_file(folder + "/" + file);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    std::ofstream(folder + "/" + file) << text.replace(at, from.size(), to);
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root)) names.push_back(entry.path().filename());
    return names;
  }

  std::string root, folder;
  Artifact artifact;
};

TEST_F(ArtifactTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(write().ok());
  const Result<Artifact> read = open_artifact(folder);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->tempera_version, "0.1.0");
  EXPECT_EQ(read->target, artifact.target);
  ASSERT_EQ(read->plans.size(), 2u);
  EXPECT_EQ(read->plans[0].file, "unet.64x128.b2.json");
  EXPECT_EQ(read->plans[0].options, artifact.plans[0].options);
  EXPECT_EQ(*read_file(path_in(*read, read->code_file)), "code");
  EXPECT_EQ(*read_file(path_in(*read, "tokenizer/vocab.json")), "{}");
  EXPECT_EQ(weights_folder(*read), fs::path(root + "/model").lexically_normal());
  const Result<Plan> plan = read_plan(*read, read->plans[0]);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(to_json(*plan), to_json(small_plan()));
  EXPECT_EQ(entries(), std::vector<std::string>{"out"});
}

TEST_F(ArtifactTest, HoldsCodeForSeveralProcessors) {
  for (const char* cpu : {"x86-64-v4", "znver4"})
    artifact.others.push_back({{"cpu", "x86_64-unknown-linux-gnu", cpu, {"avx512f"}},
                               {{"unet", 64, 128, 2, {}, ""}},
                               ""});
  Plan text = small_plan(), big = small_plan();
  text.component = "text_encoder";
  big.arena_bytes += 64;
  ASSERT_TRUE(write_artifact(folder, artifact, {small_plan(), text}, "code", {},
                             {{{big}, "code 4"}, {{big}, "code 5"}})
                  .ok());
  Result<Artifact> read = open_artifact(folder);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->target.cpu, "x86-64-v3");
  ASSERT_EQ(read->others.size(), 2u);
  use_code(*read, 1);
  EXPECT_EQ(read->target.cpu, "znver4");
  EXPECT_EQ(read->code_file, "znver4/kernels.so");
  EXPECT_EQ(*read_file(path_in(*read, read->code_file)), "code 5");
  EXPECT_EQ(read_plan(*read, **find_plan(*read, "unet", 64, 128, 2))->arena_bytes, big.arena_bytes);
  EXPECT_EQ(read->others[1].target.cpu, "x86-64-v3");

  fs::remove(folder + "/x86-64-v4/kernels.so");
  EXPECT_EQ(open_artifact(folder).error().code, ErrorCode::data_loss);
}

TEST_F(ArtifactTest, RefusesCodeOfAnotherProcessorThatIsNotListed) {
  artifact.others = {{{"cpu", "", "znver4", {}}, {}, ""}};
  ASSERT_TRUE(
      write_artifact(folder, artifact, {small_plan(), small_plan()}, "code", {}, {{{}, "x"}}).ok());
  edit("artifact.json", "\"code_file\": \"znver4/kernels.so\"", "\"code_file\": \"../kernels.so\"");
  EXPECT_EQ(open_artifact(folder).error().code, ErrorCode::data_loss);
}

TEST_F(ArtifactTest, FindsAPlanBySizeAndNamesTheSizesThatThereAre) {
  ASSERT_TRUE(write().ok());
  const Artifact read = *open_artifact(folder);
  EXPECT_EQ((*find_plan(read, "unet", 64, 128, 2))->component, "unet");
  EXPECT_EQ((*find_plan(read, "text_encoder", 64, 128, 1))->component, "text_encoder");
  EXPECT_EQ(
      find_plan(read, "unet", 64, 64, 2).error().message,
      folder + ": unet is compiled for 128x64 batch 2, not for 64x64 batch 2; compile it for this");
  EXPECT_EQ(find_plan(read, "vae", 64, 64, 2).error().code, ErrorCode::not_found);
}

TEST_F(ArtifactTest, FindsAPlanByItsOptions) {
  artifact.plans[1] = artifact.plans[0];
  artifact.plans[1].options.emplace_back("part", "shallow");
  ASSERT_TRUE(write().ok());
  const Artifact read = *open_artifact(folder);
  EXPECT_EQ(*find_plan(read, "unet", 64, 128, 2, {{"part", ""}}), &read.plans[0]);
  EXPECT_EQ(*find_plan(read, "unet", 64, 128, 2, {{"part", "shallow"}}), &read.plans[1]);
  EXPECT_EQ(find_plan(read, "unet", 64, 128, 2, {{"part", "deep"}}).error().message,
            folder +
                ": unet is compiled for 128x64 batch 2, 128x64 batch 2 (part shallow), not for "
                "128x64 batch 2 (part deep); compile it for this");
}

TEST_F(ArtifactTest, TellsPlansOfOneSizeApart) {
  artifact.plans[1] = artifact.plans[0];
  ASSERT_TRUE(write().ok());
  const Artifact read = *open_artifact(folder);
  EXPECT_EQ(read_plan(read, read.plans[0])->component, "unet");
  EXPECT_EQ(read_plan(read, read.plans[1])->component, "text_encoder");
}

TEST_F(ArtifactTest, ReplacesAnArtifactAndNothingElse) {
  ASSERT_TRUE(write().ok());
  artifact.model = "second";
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(open_artifact(folder)->model, "second");
  EXPECT_EQ(entries(), std::vector<std::string>{"out"});
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder + "/precious.txt") << "mine";
  EXPECT_EQ(write().error().message, "cannot write an artifact to " + folder +
                                         ": the folder holds something else; name another");
  EXPECT_TRUE(fs::exists(folder + "/precious.txt"));
  fs::remove_all(folder);
  std::ofstream(folder) << "a file";
  EXPECT_EQ(write().error().code, ErrorCode::invalid_argument);
}

TEST_F(ArtifactTest, LeavesNothingWhenAFileCannotBeCopied) {
  const Status status = write_artifact(folder, artifact, {small_plan(), small_plan()}, "code",
                                       {{"vocab.json", "", root + "/missing.json"}});
  EXPECT_EQ(status.error().code, ErrorCode::not_found);
  EXPECT_EQ(entries(), std::vector<std::string>{});
}

TEST_F(ArtifactTest, RefusesATornFolder) {
  ASSERT_TRUE(write().ok());
  edit("kernels.so", "code", "c0de");
  EXPECT_EQ(open_artifact(folder).error().message,
            folder +
                ": file 'kernels.so' does not have the contents it was written with; the artifact "
                "was not copied whole or was changed, compile it again");
  edit("kernels.so", "c0de", "cod");
  EXPECT_NE(open_artifact(folder).error().message.find("has 3 of 4 bytes"), std::string::npos);
  fs::remove(folder + "/kernels.so");
  EXPECT_EQ(open_artifact(folder).error().code, ErrorCode::data_loss);
  fs::remove(folder + "/artifact.json");
  EXPECT_EQ(open_artifact(folder).error().code, ErrorCode::not_found);
}

TEST_F(ArtifactTest, RefusesPathsThatLeaveTheFolder) {
  for (const char* path : {"../kernels.so", "/etc/passwd", "a/../../b", "./kernels.so", "a//b"}) {
    ASSERT_TRUE(write().ok());
    edit("artifact.json", "\"code_file\": \"kernels.so\"",
         fmt::format("\"code_file\": \"{}\"", path));
    const auto read = open_artifact(folder);
    ASSERT_FALSE(read.ok()) << path;
    EXPECT_EQ(read.error().code, ErrorCode::data_loss) << path;
  }
}

TEST_F(ArtifactTest, RefusesCodeThatIsNotListed) {
  ASSERT_TRUE(write().ok());
  std::ofstream(folder + "/other.so") << "evil";
  edit("artifact.json", "\"code_file\": \"kernels.so\"", "\"code_file\": \"other.so\"");
  EXPECT_NE(open_artifact(folder).error().message.find("not in the list"), std::string::npos);
}

TEST_F(ArtifactTest, RefusesAnotherFormat) {
  ASSERT_TRUE(write().ok());
  edit("artifact.json", "\"format\": 1", "\"format\": 2");
  EXPECT_EQ(open_artifact(folder).error().code, ErrorCode::unsupported);
}

// Any byte of artifact.json changed: an error or an artifact, never a crash.
TEST_F(ArtifactTest, SurvivesDamageAnywhereInItsDescription) {
  ASSERT_TRUE(write().ok());
  const std::string text = *read_file(folder + "/artifact.json");
  for (size_t i = 0; i < text.size(); i += 23) {
    for (const char bad : {'9', '"'}) {
      std::string damaged = text;
      damaged[i] = bad;
      std::ofstream(folder + "/artifact.json", std::ios::binary) << damaged;
      const auto read = open_artifact(folder);
      EXPECT_TRUE(read.ok() || !read.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace tempera::runtime
