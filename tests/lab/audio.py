"""Speech for both sides, prompts, music and ringing tone, made by espeak-ng and sox."""
import os
import shutil
import subprocess

SPEECH = {
    "resident": ("cmn+m3", 45, "2.5", "4.5", "你好,我是四栋二单元三零一的业主。我家厨房的水管漏水了,请你们派人来看一下。谢谢。"),
    "desk": ("cmn+f2", 70, "0.3", "6.0", "您好,这里是客服中心,请问有什么可以帮您?好的,我马上登记,五分钟之内维修人员会到。"),
    "engineering": ("cmn+m7", 25, "0.4", "3.0", "工程部,请讲。好的,我们马上去四栋二单元三零一。"),
}
MONO = ("-r", "8000", "-c", "1", "-b", "16")


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def speak(voice, pitch, text, path, *effects):
    spoken = path + ".spoken.wav"
    run("espeak-ng", "-v", voice, "-p", str(pitch), "-s", "175", "-w", spoken, text)
    run("sox", spoken, *MONO, path, *effects)
    os.remove(spoken)


def raw(path, kind="ul"):
    out = path[:-4] + "." + kind
    run("sox", path, "-t", kind, "-r", "8000", "-c", "1", out)
    with open(out, "rb") as file:
        return file.read()


def make(work, root):
    """What the phones play, by name; prompts and music go into the chroot."""
    folder = os.path.join(work, "audio")
    sounds, music = root + "/usr/share/asterisk/sounds/pbxlab", root + "/var/lib/pbxlab/moh"
    for made in (folder, sounds, music):
        os.makedirs(made, exist_ok=True)
    played = {}
    for who, (voice, pitch, lead, tail, text) in SPEECH.items():
        path = "%s/%s.wav" % (folder, who)
        speak(voice, pitch, text, path, "gain", "-n", "-6", "pad", lead, tail)
        played[who] = raw(path)
    tone = folder + "/ringback.wav"
    run("sox", "-n", *MONO, tone, "synth", "1", "sine", "450", "gain", "-12", "pad", "0", "4")
    played["ringback"] = raw(tone)
    for name, text in (("welcome", "欢迎致电客服中心,本次通话将被录音。"), ("leave", "现在无人接听,请留言。")):
        speak("cmn+f4", 50, text, "%s/%s.wav" % (sounds, name), "gain", "-n", "-8")
    run("sox", "-n", *MONO, music + "/tone.wav", "synth", "6", "sine", "300-600", "gain", "-18")
    shutil.copy(folder + "/desk.wav", root + "/tmp/desk8.wav")   # the PBX itself makes G.722 of it
    return played
