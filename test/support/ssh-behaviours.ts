/**
 * What SSH clients do, for the table of SSH: scripts for the kit's shell, run in the client's container. Each prints `ok` at its end if all
 * is right. `$to` is the host, `$n` a number of the cell's own, `$dir` an empty folder.
 */
const kit = "/.skein/kit/bin";
const banner = (port: string) => `${kit}/busybox nc 127.0.0.1 ${port} </dev/null | ${kit}/busybox head -c 4`;
const socketBanner = (path: string) =>
  `${kit}/s6-ipcclient -l0 ${path} ${kit}/sh -c '${kit}/busybox head -c 4 <&6'`;
const master = (options: string) => `ssh -M -S $dir/ctl -fN ${options} $to >/dev/null 2>&1`;
/** Tries for 5 s. */
const until = (condition: string) =>
  `i=0; until ${condition}; do i=$((i + 1)); [ $i -lt 100 ] || exit 9; usleep 50000; done`;

export const PATH = "/opt/of the image/bin:/usr/local/bin:/usr/bin:/bin";
const whole = `PATH=${PATH}:/.skein/kit/path`;
/** As a line of a login shell's environment. fish adds folders of its own. */
const wholeAtLogin = `^${whole}\\(:/usr/sbin:/sbin\\)*$`;

/** `cheap`: less than half a second. */
export const behaviours: Readonly<Record<string, { cheap: boolean; script: string }>> = {
  "a command, its exit status, and both outputs": {
    cheap: true,
    script: `
      # The image's loader may complain before, about an LD_PRELOAD of the image's own.
      [ "$(ssh $to 'echo out; echo err >&2; exit 42' 2>$dir/err; echo $?)" = "out
42" ] && [ "$(grep -v ^ERROR: $dir/err)" = err ] && echo ok`,
  },
  "the container's environment in a command": {
    cheap: true,
    script: `
      [ "$(ssh $to env | grep ^PATH=)" = "${whole}" ] && ssh $to env | grep -q "^BACKENDAI_CLUSTER_HOST=$to$" && echo ok`,
  },
  "the container's environment in a script on stdin": {
    cheap: true,
    script: `
      said=$(printf 'env\\nexit 3\\n' | ssh -T $to 2>/dev/null); [ $? = 3 ] || exit
      echo "$said" | grep -q "${wholeAtLogin}" && echo "$said" | grep -q "^BACKENDAI_CLUSTER_HOST=$to" && echo ok`,
  },
  "the container's environment in a login shell with a terminal": {
    cheap: true,
    script: `
      said=$(printf 'env; tty\\nexit 3\\n' | TERM=xterm ssh -tt $to 2>/dev/null | tr -d '\\r')
      echo "$said" | grep -q "${wholeAtLogin}" && echo "$said" | grep -q '^TERM=xterm' && echo "$said" | grep -q ^/dev/pts/ && echo ok`,
  },
  "variables that the client sends": {
    cheap: true,
    script: `
      said=$(LANG=de_DE.UTF-8 LC_OWN="a  b'" NO_COLOR=1 ssh -o 'SendEnv=LANG LC_* NO_COLOR' $to env 2>/dev/null)
      for line in LANG=de_DE.UTF-8 "LC_OWN=a  b'" NO_COLOR=1; do echo "$said" | grep -qxF "$line" || exit; done; echo ok`,
  },
  "a command line of 100 KiB, and a variable of 100 KiB": {
    cheap: true,
    script: `
      long=$(head -c 102400 /dev/zero | tr '\\0' x)
      [ "$(ssh $to "printf %s $long | wc -c")" = 102400 ] && [ "$(ssh $to 'printf %s "$LONG" | wc -c')" = 102400 ] && echo ok`,
  },
  "20 commands at a time through one connection": {
    cheap: false,
    script: `
      ${master("")}
      seq 100 | xargs -P 20 -I{} ssh -S $dir/ctl $to echo {} >$dir/said
      ssh -S $dir/ctl -O exit $to 2>/dev/null
      [ "$(sort -n $dir/said | uniq | wc -l)" = 100 ] && echo ok`,
  },
  "ports and Unix sockets, forwarded both ways": {
    cheap: true,
    script: `
      there=/dev/shm/there$n
      ${master("-L $((4000 + n)):127.0.0.1:2200 -R $((5000 + n)):127.0.0.1:2200 -L $dir/socket:127.0.0.1:2200 -R $there:127.0.0.1:2200")}
      a=$(${banner("$((4000 + n))")})
      b=$(ssh -S $dir/ctl $to "${banner("$((5000 + n))")}")
      c=$(${socketBanner("$dir/socket")})
      d=$(ssh -S $dir/ctl $to "${socketBanner("$there")}")
      ssh -S $dir/ctl -O exit $to 2>/dev/null
      [ "$a$b$c$d" = SSH-SSH-SSH-SSH- ] && echo ok`,
  },
  "a forwarded agent": {
    cheap: true,
    script: `
      [ -x /usr/bin/ssh-agent ] || { echo ok; exit; }
      eval "$(ssh-agent)" >/dev/null
      said=$(ssh -A $to "${kit}/s6-ipcclient -l0 \\$SSH_AUTH_SOCK ${kit}/busybox echo connected")
      kill $SSH_AGENT_PID
      [ "$said" = connected ] && echo ok`,
  },
  "X11, where the server has xauth": {
    cheap: true,
    script: `
      ssh $to test -x /usr/bin/xauth || { echo ok; exit; }
      said=$(DISPLAY=:9 ssh -Y $to 'echo $DISPLAY; xauth list' 2>$dir/err)
      echo "$said" | grep -q '^localhost:1[0-9.]*$' && echo "$said" | grep -q MIT-MAGIC-COOKIE-1 && echo ok`,
  },
  "files by scp, both protocols, and sftp": {
    cheap: false,
    script: `
      cd $dir
      head -c 400000 /dev/urandom >original
      scp -q original $to:/dev/shm/copy$n && scp -q $to:/dev/shm/copy$n one && scp -q -O $to:/dev/shm/copy$n two
      echo "get /dev/shm/copy$n three" | sftp -q -b - $to >/dev/null
      ssh $to rm /dev/shm/copy$n
      cmp original one && cmp original two && cmp original three && echo ok`,
  },
  "rsync, where both have it": {
    cheap: true,
    script: `
      [ -x /usr/bin/rsync ] && ssh $to test -x /usr/bin/rsync || { echo ok; exit; }
      mkdir $dir/tree; seq 1000 | (cd $dir/tree; xargs touch); hostname >$dir/tree/1
      rsync -a $dir/tree $to:/dev/shm/tree$n && rsync -a $to:/dev/shm/tree$n/tree $dir/back
      ssh $to rm -r /dev/shm/tree$n
      diff -r $dir/tree $dir/back/tree && echo ok`,
  },
  "signals: a killed command, Ctrl-C at a terminal, a client that is gone": {
    cheap: false,
    script: `
      ssh $to "sh -c 'kill -KILL \\$\\$'" 2>/dev/null; code=$?
      [ $code = 137 ] || [ $code = 255 ] || exit
      # \`exec\`: Ctrl-C ends a dash that waits for another program.
      { sleep 1; printf '\\003'; sleep 1; } | ssh -tt $to "exec sh -c 'trap \\"exit 7\\" INT; sleep 20 & wait'" >/dev/null 2>&1
      [ $? = 7 ] || exit
      # The kit's shell would start a background command without SIGINT, and with /dev/null for its input.
      mkfifo $dir/in; sleep 30 >$dir/in &
      timeout 2 ssh -tt $to "sh -c 'sleep 77$n'" <$dir/in >/dev/null 2>&1
      kill %1
      ${until(`! ssh $to ps 2>/dev/null | grep -q "[s]leep 77$n"`)}
      echo ok`,
  },
  "VS Code's way: a script on stdin beside a SOCKS proxy, then a Unix socket": {
    cheap: false,
    script: `
      mkfifo $dir/script
      ssh -T -D $((6000 + n)) $to sh <$dir/script >$dir/out 2>&1 &
      exec 9>$dir/script
      echo 'echo ready' >&9
      ${until("grep -q ready $dir/out")}
      said=$({ printf '\\005\\001\\000'; usleep 200000; printf '\\005\\001\\000\\001\\177\\000\\000\\001\\010\\230'; usleep 300000; } |
        ${kit}/busybox nc 127.0.0.1 $((6000 + n)) | tail -c +13 | head -c 4)
      ${master("-L $dir/code:127.0.0.1:2200")}
      socket=$(${socketBanner("$dir/code")})
      ssh -S $dir/ctl -O exit $to 2>/dev/null
      echo 'echo bye' >&9
      exec 9>&-
      wait
      [ "$said$socket" = SSH-SSH- ] && grep -q bye $dir/out && echo ok`,
  },
  "every name and spelling, and both ports": {
    cheap: false,
    script: `
      own=$BACKENDAI_CLUSTER_HOST
      for name in localhost 127.0.0.1 ::1 $own "$(echo $own | tr a-z A-Z)" "-p 2200 localhost"; do
        [ "$(ssh -o BatchMode=yes $name 'echo $BACKENDAI_CLUSTER_HOST')" = $own ] || { echo "not $name"; exit; }
      done
      for name in $to "$(echo $to | tr a-z A-Z)" "-p 2200 $to"; do
        [ "$(ssh -o BatchMode=yes $name 'echo $BACKENDAI_CLUSTER_HOST')" = $to ] || { echo "not $name"; exit; }
      done
      echo ok`,
  },
  "100 connections at once": {
    cheap: false,
    script: `
      seq 100 | xargs -P 100 -I{} ssh -o BatchMode=yes $to echo {} >$dir/said
      [ "$(sort -n $dir/said | uniq | wc -l)" = 100 ] && echo ok`,
  },
};
